/** How events become a conversation on the screen. */

import { object, text, type Json } from "../json";

/** A message as far as the events so far tell it. */
export interface LiveMessage {
  id: string;
  /** The message that it follows; null: none; undefined: that was not told. */
  parent: string | null | undefined;
  role: string | undefined;
  status: string | undefined;
  /** Offset of the first character in `content`, in UTF-16 code units: above 0 if the beginning was never sent. */
  start: number;
  content: string;
  /** The newest pieces, still glowing; they are the end of `content`. */
  fresh: readonly Piece[];
  /** Where the text of a part begins, in the same units as `start`, as far as that is known; by the part's index. */
  begins: ReadonlyMap<number, number>;
  /** The parts that are no text: thoughts, tool calls and the like, which `content` has nothing of. */
  hidden: ReadonlySet<number>;
  /** What models are told in place of it and all before it. */
  inShort: string | undefined;
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
 * a delta; `messageId` and `part`: a part; `message`, or an object with a role: a message), so it works without
 * `__typename`, too.
 */
export function after(conversation: Conversation, event: Json, key: number): Conversation {
  const id = text(event.messageId);
  if (id && typeof event.offset === "number" && typeof event.text === "string") {
    const index = typeof event.index === "number" ? event.index : 0;
    return put(conversation, grown(conversation.get(id) ?? blank(id), index, event.offset, { key, text: event.text }));
  }
  const part = object(event.part);
  if (id && part && typeof part.index === "number") {
    return put(conversation, opened(conversation.get(id) ?? blank(id), part.index, text(part.text), key));
  }
  const message = object(event.message) ?? (text(event.role) ? event : undefined);
  const messageId = text(message?.id);
  return message && messageId ? put(conversation, changed(conversation.get(messageId) ?? blank(messageId), message)) : conversation;
}

/** The messages of the path that ends with `leaf`; all, where that is not known. */
export function path(conversation: Conversation, leaf: string | null | undefined): LiveMessage[] {
  const all = [...conversation.values()];
  if (leaf === undefined || all.some(({ parent }) => parent === undefined)) return all;
  const found: LiveMessage[] = [];
  for (let next = leaf; next; ) {
    const message = conversation.get(next);
    if (!message) break;
    found.push(message);
    next = message.parent ?? null;
  }
  return found.reverse();
}

/** `message` with a new part at its end, which begins with `first`; a part without a text of its own is hidden. */
function opened(message: LiveMessage, index: number, first: string | undefined, key: number): LiveMessage {
  if (first === undefined) return { ...message, hidden: new Set(message.hidden).add(index) };
  const begin = message.begins.get(index) ?? message.start + message.content.length;
  const begun = { ...message, begins: new Map(message.begins).set(index, begin) };
  return first ? grown(begun, index, 0, { key, text: first }) : begun;
}

/** `message` with `piece` at `partOffset` of a part; what was known from there on is replaced. */
function grown(message: LiveMessage, index: number, partOffset: number, piece: Piece): LiveMessage {
  if (message.hidden.has(index)) return message;
  const end = message.start + message.content.length;
  // A part that was open before it was first heard of goes on at the end of what there is.
  const begin = message.begins.get(index) ?? Math.max(0, end - partOffset);
  const offset = begin + partOffset;
  const inside = offset >= message.start && offset <= end && end > message.start;
  const continues = inside && offset === end;
  return {
    ...message,
    status: message.status ?? "STREAMING",
    start: inside ? message.start : offset,
    content: (inside ? message.content.slice(0, offset - message.start) : "") + piece.text,
    fresh: [...(continues ? message.fresh : []), piece].slice(-GLOWING),
    begins: new Map(message.begins).set(index, begin),
  };
}

function changed(message: LiveMessage, fields: Json): LiveMessage {
  const content = text(fields.content);
  const same = content === undefined || (message.start === 0 && content === message.content);
  return {
    ...message,
    parent: "parentId" in fields ? (text(fields.parentId) ?? null) : message.parent,
    role: text(fields.role) ?? message.role,
    status: text(fields.status) ?? message.status,
    ...(same ? {} : { start: 0, content, fresh: [], begins: new Map() }),
    ...("compaction" in fields ? { inShort: text(object(fields.compaction)?.text) } : {}),
    ...(Array.isArray(fields.parts) ? { hidden: hiddenIn(fields.parts) } : {}),
  };
}

function hiddenIn(parts: unknown[]): ReadonlySet<number> {
  const others = parts.map(object).filter((part) => part?.__typename !== undefined && part.__typename !== "TextPart");
  return new Set(others.map((part) => part?.index).filter((index) => typeof index === "number"));
}

function blank(id: string): LiveMessage {
  return {
    ...{ id, parent: undefined, role: undefined, status: undefined, inShort: undefined },
    ...{ start: 0, content: "", fresh: [], begins: new Map(), hidden: new Set() },
  };
}

function put(conversation: Conversation, message: LiveMessage): Conversation {
  return new Map(conversation).set(message.id, message);
}
