"""The whole API on one page."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers import (
    agents,
    batches,
    branches,
    bulk,
    folders,
    marks,
    messages,
    models,
    nodes,
    producers,
    projects,
    runs,
    sessions,
    templates,
    trash,
    viewer,
)
from schema import conflict, cursor, one_of, part, repeat, scalar

field, mutation, subscription = strawberry.field, strawberry.mutation, strawberry.subscription


@strawberry.type(description="What you can ask. Something absent, or not yours to see, is null.")
class Query:
    """Root fields that only read."""

    viewer = field(resolver=viewer.viewer, description="The account on whose behalf you ask.")

    project = field(resolver=projects.project, description="One project.")
    projects = field(resolver=projects.page, description="Your projects, newest first; 50 unless you ask otherwise.")
    agent = field(resolver=agents.agent, description="One agent.")
    agents = field(resolver=agents.page, description="The agents that you can choose from, newest first.")
    models = field(
        resolver=models.everything,
        description="The models that an agent can answer with (1,000 at most), by their providers.",
    )
    session = field(resolver=sessions.session, description="One session.")
    sessions = field(
        resolver=sessions.page, description="Your sessions, newest activity first; 20 unless you ask otherwise."
    )
    trash = field(
        resolver=trash.page,
        description="The sessions that you deleted and can restore, newest first; 20 unless you ask otherwise.",
    )
    template = field(resolver=templates.template, description="One template.")
    templates = field(resolver=templates.everything, description="All your templates (1,000 at most), by name.")
    folder = field(resolver=folders.folder, description="One folder.")
    folders = field(
        resolver=folders.everything, description="All your folders (1,000 at most), those of one parent in their order."
    )
    message = field(resolver=messages.message, description="One message.")
    run = field(resolver=runs.run, description="One run.")

    node = field(resolver=nodes.node, description="Anything by its id.")
    nodes = field(resolver=nodes.many, description="Several things by their ids, in the order of the ids.")


@strawberry.type(description="What you can change. Each call happens whole or not at all.")
class Mutation:
    """Root fields that write."""

    create_project = mutation(resolver=projects.create, description="Makes a project.")
    edit_project = mutation(resolver=projects.edit, description="Renames a project, or changes its stages or metadata.")
    delete_project = mutation(resolver=projects.delete, description="Deletes a project. Its sessions stay.")

    create_agent = mutation(resolver=agents.create, description="Makes an agent of your own.")
    edit_agent = mutation(
        resolver=agents.edit, description="Changes an agent of your own. Later replies follow what it says then."
    )
    delete_agent = mutation(resolver=agents.delete, description="Deletes an agent of your own. Its sessions stay.")

    create_template = mutation(
        resolver=templates.create, description="Makes a template, which new sessions can begin with."
    )
    edit_template = mutation(
        resolver=templates.edit, description="Changes a template. Sessions that began with it stay as they are."
    )
    delete_template = mutation(
        resolver=templates.delete, description="Deletes a template. Sessions that began with it stay as they are."
    )
    create_folder = mutation(resolver=folders.create, description="Makes a folder.")
    edit_folder = mutation(resolver=folders.edit, description="Renames a folder.")
    move_folder = mutation(resolver=folders.move, description="Puts a folder into another one, or in another order.")
    delete_folder = mutation(
        resolver=folders.delete, description="Deletes a folder. What is in it comes to where it was."
    )

    create_session = mutation(
        resolver=sessions.create,
        description="Makes an empty session. To begin with a message, `sendMessage` alone is enough.",
    )
    edit_session = mutation(
        resolver=sessions.edit,
        description="Changes a session, or how you see it: title, project, agent, metadata, summary, pins, stars, "
        "tags, folder, archive.",
    )
    mark_read = mutation(
        resolver=sessions.mark_read, description="Notes that you have read a session so far. That never goes back."
    )
    mark_unread = mutation(
        resolver=sessions.mark_unread, description="Has a session count as unread until you read it again."
    )
    save_draft = mutation(
        resolver=sessions.save_draft, description="Keeps what you are about to say in a session, for all your windows."
    )
    move_session = mutation(
        resolver=sessions.move, description="Puts a session before another one in your own order, or last."
    )
    set_session_state = mutation(
        resolver=sessions.set_state,
        description="Sets some keys of what clients share of a session. The last one to set a key wins.",
    )
    summarize_session = mutation(
        resolver=sessions.summarize,
        description="Has the model write a summary of what you see of a session. Answers when it is there, or refused.",
    )
    delete_session = mutation(
        resolver=sessions.delete, description="Deletes a session for all its members, and stops what runs in it."
    )
    bulk_update_sessions = mutation(
        resolver=bulk.update,
        description="Does the same to many sessions, each by itself, with a receipt for each.",
    )
    restore_session = mutation(
        resolver=trash.restore, description="Brings a session back that you deleted within the last 30 days."
    )
    clear_session = mutation(
        resolver=trash.clear, description="Deletes all messages of a session, and stops what runs in it."
    )
    restore_history = mutation(
        resolver=trash.restore_history, description="Brings back what the last `clearSession` of a session took."
    )
    delete_messages = mutation(
        resolver=trash.delete_messages,
        description="Deletes a message, what follows it, or the other branches, and stops what runs there.",
    )
    restore_messages = mutation(
        resolver=trash.restore_messages,
        description="Brings back what the last deletion of this message and scope took, within 30 days.",
    )
    purge_session = mutation(
        resolver=trash.purge,
        description="Deletes a session for good, with everything in it; from the trash, or at once.",
    )

    set_typing = mutation(
        resolver=sessions.set_typing, description="Tells other windows that you are typing. Nothing is stored."
    )

    apply_batch = mutation(
        resolver=batches.apply,
        description="Does what a client did while it was offline, entry by entry, with a receipt for each.",
    )

    send_message = mutation(
        resolver=messages.send,
        description="Stores your message and has it answered. Without a session it begins a new one.",
    )
    set_reaction = mutation(
        resolver=marks.react, description="Sets one of your reactions to a message, or takes it away."
    )
    set_feedback = mutation(resolver=marks.rate, description="Says what you think of a message, or takes it back.")
    annotate_message = mutation(
        resolver=marks.annotate, description="Notes something about a message, or about a range of its text."
    )
    remove_annotation = mutation(
        resolver=marks.remove_annotation, description="Takes an annotation of yours away; a session's owner, any."
    )
    set_compaction = mutation(
        resolver=marks.set_compaction,
        description="Sets what models are told in place of a message and all that precedes it, or takes that away.",
    )
    edit_message = mutation(
        resolver=branches.edit,
        description="Says a message of a person otherwise: on a new branch beside it, which you then see.",
    )
    revise_message = mutation(
        resolver=branches.revise,
        description="Says a message otherwise in its place. How it was stays in its `revisions`.",
    )
    choose_branch = mutation(
        resolver=branches.choose, description="Chooses the branch that you see in a session, in all your windows."
    )
    fork_session = mutation(
        resolver=branches.fork, description="Copies a conversation, up to a message, into a new session of your own."
    )
    cancel_run = mutation(
        resolver=runs.cancel,
        description="Stops a reply. What it has written stays. A run that is over stays as it is.",
    )

    cancel_send = mutation(
        resolver=runs.cancel_send,
        description="Stops the reply to a message by the key that it was sent with, even if it has not arrived yet.",
    )
    retry_run = mutation(
        resolver=runs.retry, description="Asks for another reply to the same message. It stands beside the first one."
    )
    reply_to_message = mutation(
        resolver=branches.answer,
        description="Has a message answered, or answered anew: also in a fork, where `retryRun` knows no runs.",
    )
    continue_run = mutation(
        resolver=runs.resume,
        description="Has a reply taken up where it was stopped, by a new run that writes into the same message.",
    )
    edit_queued_run = mutation(
        resolver=runs.edit_queued, description="Changes a message of yours that is still waiting for its answer."
    )
    move_queued_run = mutation(
        resolver=runs.move_queued,
        description="Changes the order in which what is queued in a session is answered.",
    )
    answer_run = mutation(
        resolver=runs.answer, description="Answers what a run asks, such as whether a tool may be called. First wins."
    )

    start_run = mutation(
        resolver=producers.start, description="For apps with their own agent: begins a reply that your app writes."
    )
    append_to_run = mutation(
        resolver=producers.append,
        description="Stores what your agent says, and shows it in every window. Returns when it is on disk.",
    )
    await_input = mutation(
        resolver=producers.await_input,
        description="Has a run of your app wait for a person, who may answer in any window. "
        "The answer comes with the `run` of your next, perhaps empty, append.",
    )
    finish_run = mutation(resolver=producers.finish, description="Ends a run that your app writes.")
    take_over_run = mutation(
        resolver=producers.take_over,
        description="Takes a run that an app writes into your hands: after a crash, or when it is next in the queue.",
    )


@strawberry.type(description="What you can follow. Each stream goes on exactly, or says `Reset`.")
class Subscription:
    """Root fields that stream."""

    session = subscription(
        resolver=sessions.follow,
        description="What happens in one session: messages, this and future runs, and every token. "
        "First what you missed, then `CaughtUp`, then what happens.",
    )
    live_message = subscription(
        resolver=messages.live,
        description="One message, whole, again and again while it is being written; for clients that only have a "
        "normalised cache. Ends with the message's last state.",
    )
    changes = subscription(
        resolver=sessions.changes,
        description="What happens to your sessions, projects, folders, templates and agents: what sidebars and "
        "dashboards show. No tokens. First what you missed, then `CaughtUp`, then what happens.",
    )


PARTS = (
    part.TextPart,
    part.ReasoningPart,
    part.ToolCallPart,
    part.ToolResultPart,
    part.FilePart,
    part.DataPart,
)

CONFIG = StrawberryConfig(auto_camel_case=True, relay_max_results=100, scalar_map={**cursor.SCALARS, **scalar.SCALARS})

api = one_of.declare(
    strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=PARTS,
        exception_handlers=[*conflict.HANDLERS, *repeat.HANDLERS],
        config=CONFIG,
    )
)
