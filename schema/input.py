"""What clients send."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from chat.conversation.reply_requests import WhenBusy
from db.forks import ForkInclude
from schema import choice
from schema.project import StageInput
from schema.role import MessageRole
from schema.when_full import WhenFull

choice.describe(
    WhenBusy,
    "What to do where the session has a run that is not over.",
    QUEUE="Wait for its end.",
    REJECT="Refuse, as `Busy`.",
    INTERRUPT="Stop it, and take its place.",
    PARALLEL="Run beside it.",
)

LAST_SENT = (
    "The session's `lastSentId` as the window knew it when the text was begun (null: nothing was sent yet), or the id "
    "of your message that is on its way. A text that is older than what you sent last is not kept."
)

ID_NOTE = "An id of your own making (a UUID). With it, the same call again returns what the first one made."


@strawberry.input(description="A project to make.")
class CreateProjectInput:
    """For `createProject`."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")
    stages: list[StageInput] | None = strawberry.field(default=None, description="Its stages in order; at most 50.")


@strawberry.input(
    description="What to change in a project. What you leave out stays, and null takes away what can be empty."
)
class EditProjectInput:
    """For `editProject`."""

    id: strawberry.ID = strawberry.field(description="The project.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(description="Its new metadata, whole.")
    stages: strawberry.Maybe[list[StageInput] | None] = strawberry.field(description="Its new stages, all of them.")
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="A folder to make. It comes last among those of its parent.")
class CreateFolderInput:
    """For `createFolder`."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="The folder to make it in; null for the top."
    )
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)


@strawberry.input(description="What to change in a folder. What you leave out stays.")
class EditFolderInput:
    """For `editFolder`."""

    id: strawberry.ID = strawberry.field(description="The folder.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="What each member may do with an agent. What you leave out is not limited.")
class AgentLimitsInput:
    """For `createAgent` and `editAgent`."""

    messages_per_minute: int | None = strawberry.field(
        default=None, description="Messages in its sessions, from 1 to 10,000."
    )
    runs_per_minute: int | None = strawberry.field(default=None, description="Replies by it, from 1 to 10,000.")
    message_characters: int | None = strawberry.field(
        default=None, description="Characters of a message in its sessions, from 1 to 200,000."
    )


@strawberry.input(description="An agent to make.")
class CreateAgentInput:
    """For `createAgent`."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    description: str | None = strawberry.field(default=None, description="What it is good for.")
    instructions: str | None = strawberry.field(
        default=None, description="What the model is told before every conversation; at most 100,000 characters."
    )
    provider: str | None = strawberry.field(
        default=None, description="The provider that runs it; one that the server has."
    )
    model: str | None = strawberry.field(
        default=None,
        description="The provider's name of the model; or without `provider`, the `id` of one of `models`.",
    )
    parameters: JSON | None = strawberry.field(default=None, description="Parameters of the model: a JSON object.")
    context_tokens: int | None = strawberry.field(
        default=None,
        description="How many tokens the model reads and writes at once, where that is not known or is to be less.",
    )
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")
    active_sessions: int | None = strawberry.field(
        default=None, description="How many sessions with it each member may have that are not archived."
    )
    when_full: WhenFull = strawberry.field(
        default=WhenFull.REJECT, description="What a new session does where there are as many."
    )
    limits: AgentLimitsInput | None = strawberry.field(
        default=None, description="What each member may do with it; without them, whatever the account may."
    )


@strawberry.input(
    description="What to change in an agent. What you leave out stays; null or a blank text takes away what can be "
    "empty."
)
class EditAgentInput:
    """For `editAgent`."""

    id: strawberry.ID = strawberry.field(description="The agent.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    description: strawberry.Maybe[str | None] = strawberry.field(description="What it is good for.")
    instructions: strawberry.Maybe[str | None] = strawberry.field(description="What the model is told from now on.")
    provider: strawberry.Maybe[str | None] = strawberry.field(
        description="The provider that runs it; one that the server has."
    )
    model: strawberry.Maybe[str | None] = strawberry.field(
        description="The provider's name of the model; or without `provider`, the `id` of one of `models`."
    )
    parameters: strawberry.Maybe[JSON | None] = strawberry.field(description="Its new parameters, whole.")
    context_tokens: strawberry.Maybe[int | None] = strawberry.field(
        description="How many tokens the model reads and writes at once; null: what is known of it."
    )
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(description="Its new metadata, whole.")
    active_sessions: strawberry.Maybe[int | None] = strawberry.field(
        description="How many sessions with it each member may have that are not archived; 0: any number."
    )
    when_full: WhenFull | None = strawberry.field(
        default=None, description="What a new session does where there are as many."
    )
    limits: strawberry.Maybe[AgentLimitsInput | None] = strawberry.field(
        description="What each member may do with it, whole: what is not in there is not limited."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="A session to make.")
class CreateSessionInput:
    """For `createSession`, and for the first message of a new session."""

    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    project_id: strawberry.ID | None = strawberry.field(default=None, description="The project to put it in.")
    agent_id: strawberry.ID | None = strawberry.field(default=None, description="The agent that is to answer.")
    title: str | None = strawberry.field(
        default=None, description="Its title; without it, one is made from the first exchange."
    )
    external_id: str | None = strawberry.field(default=None, description="What your app calls it; unique among yours.")
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")
    template_id: strawberry.ID | None = strawberry.field(
        default=None, description="A template of yours that it begins with. What you say here counts more."
    )


@strawberry.input(
    description="What to change in a session. What you leave out stays, and null takes away what can be empty."
)
class EditSessionInput:
    """For `editSession`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    title: str | None = strawberry.field(default=None, description="Its new title. No automatic title replaces it.")
    project_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The project to put it in; null takes it out of its project."
    )
    agent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The agent that is to answer from now on; null leaves it to the server."
    )
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(description="Its new metadata, whole.")
    summary: strawberry.Maybe[str | None] = strawberry.field(
        description="Its new summary, of at most 10,000 characters; blank text takes it away. No automatic one "
        "replaces it by itself.",
    )
    archived: bool | None = strawberry.field(default=None, description="Whether you have put it away. Yours alone.")
    pinned: bool | None = strawberry.field(default=None, description="Whether you have pinned it. Yours alone.")
    starred: bool | None = strawberry.field(default=None, description="Whether you have starred it. Yours alone.")
    folder_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The folder of yours to keep it in; null takes it out. Yours alone."
    )
    tags: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="Your tags, whole: at most 50, each of at most 64 characters. Yours alone."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="A message to send. Give `sessionId`, or leave it out to begin a new session.")
class SendMessageInput:
    """For `sendMessage`."""

    text: str = strawberry.field(description="What you say; at most 200,000 characters.")
    session_id: strawberry.ID | None = strawberry.field(default=None, description="The session to say it in.")
    new_session: CreateSessionInput | None = strawberry.field(
        default=None, description="What a new session is to begin with."
    )
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    parent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The message that it follows; null for the beginning. Where that message is answered already, "
        "a new branch begins. Without it, it goes to the end of the branch that you see."
    )
    reply: bool = strawberry.field(
        default=True, description="Whether the server answers. If not, your app does, by `startRun`."
    )
    when_busy: WhenBusy = strawberry.field(
        default=WhenBusy.QUEUE, description="What to do while another reply is being written."
    )
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")
    client_created_at: datetime | None = strawberry.field(
        default=None, description="When it was written by your clock, if that was earlier than now."
    )


@strawberry.input(description="A message of a person, said otherwise beside it.")
class EditMessageInput:
    """For `editMessage`."""

    message_id: strawberry.ID = strawberry.field(description="The message to say otherwise. It stays as it is.")
    text: str = strawberry.field(description="What it says now; at most 200,000 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    reply: bool = strawberry.field(
        default=True, description="Whether the server answers. If not, your app does, by `startRun`."
    )
    when_busy: WhenBusy = strawberry.field(
        default=WhenBusy.QUEUE, description="What to do while another reply is being written."
    )
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(
        description="A JSON object for your own use; left out, that of the other message, and null: none."
    )
    client_created_at: datetime | None = strawberry.field(
        default=None, description="When it was written by your clock, if that was earlier than now."
    )


@strawberry.input(
    description="What to change in a message. What you leave out stays, and null takes away the metadata."
)
class ReviseMessageInput:
    """For `reviseMessage`."""

    id: strawberry.ID = strawberry.field(description="The message.")
    text: str | None = strawberry.field(
        default=None,
        description="What it says from now on, in place of all its text; at most 200,000 characters. What is not text "
        "stays.",
    )
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(description="Its new metadata, whole.")
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="A part of a conversation to copy into a session of your own.")
class ForkSessionInput:
    """For `forkSession`."""

    session_id: strawberry.ID = strawberry.field(description="The session to copy from.")
    message_id: strawberry.ID = strawberry.field(description="The last message of the path to copy.")
    include: ForkInclude = strawberry.field(default=ForkInclude.PATH, description="What of the conversation is copied.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    title: str | None = strawberry.field(default=None, description="Its title; without it, that of the other session.")


@strawberry.input(description="Which sessions to list. What you leave out does not restrict.")
class SessionFilter:
    """For `sessions`."""

    project_id: strawberry.ID | None = strawberry.field(default=None, description="Only those in this project.")
    agent_id: strawberry.ID | None = strawberry.field(default=None, description="Only those with this agent.")
    archived: bool | None = strawberry.field(
        default=None, description="Only those that you have archived, or only those that you have not."
    )
    folder_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Only those in this folder, not in folders within it; null: only those in none."
    )
    tags: list[str] | None = strawberry.field(default=None, description="Only those that have all these tags of yours.")
    pinned: bool | None = strawberry.field(default=None, description="Only those that you have pinned, or have not.")
    starred: bool | None = strawberry.field(default=None, description="Only those that you have starred, or have not.")
    unread: bool | None = strawberry.field(
        default=None, description="Only those with something new for you, or only those without."
    )
    running: bool | None = strawberry.field(
        default=None, description="Only those with a reply that is not over, or only those without."
    )
    title: str | None = strawberry.field(default=None, description="Only those with this text in the title.")


@strawberry.input(description="A range of the text of a part, in UTF-16 code units (as JavaScript counts).")
class TextRangeInput:
    """For `annotateMessage`."""

    part: int = strawberry.field(description="The part.")
    start: int = strawberry.field(description="Where it begins.")
    end: int = strawberry.field(description="Where it ends: the first code unit behind it.")


@strawberry.input(description="An annotation to add; with the id of one of yours, what it says from now on.")
class AnnotateInput:
    """For `annotateMessage`."""

    message_id: strawberry.ID = strawberry.field(description="The message.")
    text: str = strawberry.field(description="What you note; at most 5,000 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    range: strawberry.Maybe[TextRangeInput | None] = strawberry.field(
        description="What it is about; null for the whole message. Left out, it is what the annotation was about that "
        "you reword, and of a new one the whole message."
    )


@strawberry.input(description="A message that a session begins with.")
class TemplateMessageInput:
    """For templates."""

    role: MessageRole = strawberry.field(description="Who speaks.")
    text: str = strawberry.field(description="What is said; at most 200,000 characters.")


@strawberry.input(description="A template to make.")
class CreateTemplateInput:
    """For `createTemplate`."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    description: str | None = strawberry.field(default=None, description="What it is good for.")
    agent_id: strawberry.ID | None = strawberry.field(default=None, description="The agent that is to answer.")
    title: str | None = strawberry.field(default=None, description="The title of a session that is given none.")
    instructions: str | None = strawberry.field(
        default=None, description="What the model is told in the session; at most 100,000 characters."
    )
    messages: list[TemplateMessageInput] | None = strawberry.field(
        default=None, description="What is said already, in order; at most 50 messages."
    )
    begins: bool = strawberry.field(
        default=False, description="Whether the agent speaks first, as soon as a session is made without a message."
    )
    metadata: JSON | None = strawberry.field(default=None, description="What a session's metadata begin with.")


@strawberry.input(
    description="What to change in a template. What you leave out stays; null or a blank text takes away what can be "
    "empty."
)
class EditTemplateInput:
    """For `editTemplate`."""

    id: strawberry.ID = strawberry.field(description="The template.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    description: strawberry.Maybe[str | None] = strawberry.field(description="What it is good for.")
    agent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The agent that is to answer; null leaves it to the server."
    )
    title: strawberry.Maybe[str | None] = strawberry.field(description="The title of a session that is given none.")
    instructions: strawberry.Maybe[str | None] = strawberry.field(description="What the model is told from now on.")
    messages: strawberry.Maybe[list[TemplateMessageInput] | None] = strawberry.field(
        description="What is said already, whole."
    )
    begins: bool | None = strawberry.field(default=None, description="Whether the agent speaks first.")
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(description="Its new metadata, whole.")
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )
