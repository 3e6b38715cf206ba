/** How events become a conversation on the screen. */

import { object, text, type Json } from "../json";

/** A message as far as the events so far tell it. */
export interface LiveMessage {
  id: string;
  role: string | undefined;
  status: string | undefined;
  /** Offset of the first character in `content`, in UTF-16 code units: above 0 if the beginning was never sent. */
  start: number;
  content: string;
  /** The newest pieces, still glowing; they are the end of `content`. */
  fresh: readonly Piece[];
}

/** A piece of text that just arrived. */
export interface Piece {
  key: number;
  text: string;
}

/** Messages by id, in the order in which they were first heard of. */
export type Conversation = ReadonlyMap<string, LiveMessage>;

const GLOWING = 12;

/**
 * The conversation after one more event. Events are told apart by their shape (`messageId`, `offset` and `text`:
 * a delta; `message`, or an object with a role: a message), so it works without `__typename`, too.
 */
export function after(conversation: Conversation, event: Json, key: number): Conversation {
  const id = text(event.messageId);
  if (id && typeof event.offset === "number" && typeof event.text === "string") {
    return put(conversation, grown(conversation.get(id) ?? blank(id), event.offset, { key, text: event.text }));
  }
  const message = object(event.message) ?? (text(event.role) ? event : undefined);
  const messageId = text(message?.id);
  return message && messageId ? put(conversation, changed(conversation.get(messageId) ?? blank(messageId), message)) : conversation;
}

/** `message` with `piece` at `offset`; what was known from there on is replaced. */
function grown(message: LiveMessage, offset: number, piece: Piece): LiveMessage {
  const end = message.start + message.content.length;
  const inside = offset >= message.start && offset <= end && end > message.start;
  const continues = inside && offset === end;
  return {
    ...message,
    status: message.status ?? "STREAMING",
    start: inside ? message.start : offset,
    content: (inside ? message.content.slice(0, offset - message.start) : "") + piece.text,
    fresh: [...(continues ? message.fresh : []), piece].slice(-GLOWING),
  };
}

function changed(message: LiveMessage, fields: Json): LiveMessage {
  const content = text(fields.content);
  const same = content === undefined || (message.start === 0 && content === message.content);
  return {
    ...message,
    role: text(fields.role) ?? message.role,
    status: text(fields.status) ?? message.status,
    ...(same ? {} : { start: 0, content, fresh: [] }),
  };
}

function blank(id: string): LiveMessage {
  return { id, role: undefined, status: undefined, start: 0, content: "", fresh: [] };
}

function put(conversation: Conversation, message: LiveMessage): Conversation {
  return new Map(conversation).set(message.id, message);
}
