/** The operations of GraphiQL's first tabs, for people who have no tabs of their own yet. */

export const START_A_CHAT = `# 1 · Start a chat
#
# Sends a message. It names no session, so a new one begins. This answer does not wait for the reply.
#
# Press ▶ (Ctrl-Enter), then "Watch it live".

mutation StartChat {
  sendMessage(input: {
    text: "Write a haiku about windows."
  }) {
    __typename
    ... on SendMessagePayload {
      session { id title }
      message { id }
      reply { id status }
      run { id status }
    }
    ... on UserError { reason }
  }
}
`;

export const WATCH_IT_LIVE = `# 2 · Watch it live
#
# All that happens in one session: messages, runs, and each token of a reply. $id is filled in for you with the session that you wrote to last.
#
# Press ▶, then say something under the conversation. Do it in two windows: both show the same tokens.

subscription Watch($id: ID!) {
  session(id: $id) {
    __typename
    ... on TextDelta { messageId index offset text }
    ... on PartChanged {
      messageId part { __typename index ... on TextPart { text } }
    }
    ... on MessageChanged {
      message { id parentId role status content
        parts { __typename index } compaction { text } }
    }
    ... on BranchChanged { leafId branchChosen }
    ... on RunChanged { run { id status } }
    ... on RunProgress { runId read total compacting }
    ... on CaughtUp { cursor }
    ... on Reset { reason }
  }
}
`;

export const READ_IT_BACK = `# 3 · Read it back
#
# The newest sessions with their last messages. A reply that is still being written reads here exactly as far as the windows show it.

query Sessions {
  viewer { id name }
  sessions(first: 10) {
    edges {
      node {
        id
        title
        messageCount
        lastMessagePreview
        messages(last: 20) {
          edges { node { role content status } }
        }
      }
    }
  }
}
`;

/** Sent by the line under a watched conversation; its variables are `{ id, text }`. */
export const SAY = `mutation Say($id: ID!, $text: String!) {
  sendMessage(input: { sessionId: $id, text: $text }) {
    __typename
    ... on UserError { reason }
  }
}
`;

export const FIRST_TABS = [
  { query: START_A_CHAT },
  { query: WATCH_IT_LIVE, variables: '{\n  "id": ""\n}' },
  { query: READ_IT_BACK },
];
