/** The subscriptions that GraphiQL's tabs run or ran, and what arrived on each. */

import { useSyncExternalStore } from "react";

import { object, text, type Json } from "../json";
import type { Headers, Result } from "../transport";
import { after, path, type Conversation, type LiveMessage } from "./conversation";

/** One line of the event list. */
export interface LiveEvent {
  key: number;
  /** Milliseconds since the subscription began. */
  at: number;
  type: string;
  summary: string;
}

/** One subscription. Replaced, never changed: a new object is a new picture. */
export interface Stream {
  name: string;
  session: string | undefined;
  headers: Headers;
  running: boolean;
  /** Whether the connection was lost; it is being made again. */
  away: boolean;
  failure: string | undefined;
  count: number;
  deltas: number;
  events: readonly LiveEvent[];
  conversation: Conversation;
  /** The last message of the branch that is seen; undefined: that was not told. */
  leaf: string | null | undefined;
  /** How far a model has read before it says anything. */
  progress: Progress | undefined;
}

/** Tokens that a model has read, and that there are to read. */
export interface Progress {
  read: number;
  total: number;
  /** Whether it reads the older part of the conversation, to put it in short before it replies. */
  compacting: boolean;
}

/** What the live view shows in a tab: a stream, or the offer to watch a session that was just written to. */
export interface TabView {
  stream?: Stream;
  offer?: string;
}

/** Names a running stream to `receive` and `endStream`. */
export interface StreamHandle {
  tab: string;
  began: number;
}

const KEPT_EVENTS = 300;
const PACE = 33; // milliseconds between two pictures
const EMPTY: TabView = {};

const views = new Map<string, TabView>();
const handles = new Map<string, StreamHandle>();
const listeners = new Set<() => void>();
let currentTab = "";
let timer: number | undefined;

/** Says which tab of GraphiQL the next operation runs in. */
export function enterTab(tab: string): void {
  currentTab = tab;
}

/** Begins a stream in the current tab, in place of what the tab showed. */
export function beginStream(name: string, session: string | undefined, headers: Headers): StreamHandle {
  const handle = { tab: currentTab, began: performance.now() };
  const stream: Stream = {
    name,
    session,
    headers,
    running: true,
    away: false,
    failure: undefined,
    count: 0,
    deltas: 0,
    events: [],
    conversation: new Map(),
    leaf: undefined,
    progress: undefined,
  };
  handles.set(handle.tab, handle);
  show(handle.tab, { stream });
  return handle;
}

/** Adds the events in one result; a result that is not the tab's current stream is dropped. */
export function receive(handle: StreamHandle, result: Result): void {
  const { stream } = views.get(handle.tab) ?? EMPTY;
  if (!stream || handles.get(handle.tab) !== handle) return;
  let { conversation, count, deltas, leaf, progress } = stream;
  const events = [...stream.events];
  const at = performance.now() - handle.began;
  for (const [field, value] of Object.entries(result.data ?? {})) {
    for (const event of eventsIn(value)) {
      count += 1;
      if (typeof event.offset === "number") deltas += 1;
      conversation = after(conversation, event, count);
      if ("leafId" in event) leaf = text(event.leafId) ?? null;
      progress = progressIn(event) ?? ("messageId" in event || "run" in event ? undefined : progress);
      events.push({ key: count, at, type: text(event.__typename) ?? field, summary: summary(event) });
    }
  }
  for (const error of result.errors ?? []) {
    count += 1;
    events.push({ key: count, at, type: "Error", summary: error.message });
  }
  show(handle.tab, { stream: { ...stream, conversation, leaf, progress, count, deltas, events: events.slice(-KEPT_EVENTS) } });
}

/** Says whether a stream is connected by now. What was half-read then is told anew. */
export function setConnected(handle: StreamHandle, there: boolean): void {
  const { stream } = views.get(handle.tab) ?? EMPTY;
  if (!stream?.running || handles.get(handle.tab) !== handle) return;
  show(handle.tab, { stream: { ...stream, away: !there, progress: undefined } });
}

/** Marks a stream as ended; without a handle, empties the current tab's view. */
export function endStream(handle?: StreamHandle, failure?: string): void {
  if (!handle) {
    handles.delete(currentTab);
    show(currentTab, {});
    return;
  }
  const { stream } = views.get(handle.tab) ?? EMPTY;
  if (stream && handles.get(handle.tab) === handle) show(handle.tab, { stream: { ...stream, running: false, failure } });
}

/** The messages to show of a stream. */
export function messagesOf({ conversation, leaf }: Stream): LiveMessage[] {
  return path(conversation, leaf);
}

/** Offers to watch `session` in the current tab. */
export function offerSession(session: string | undefined): void {
  if (session) show(currentTab, { offer: session });
}

/** What the live view shows in `tab`. */
export function useTabView(tab: string): TabView {
  return useSyncExternalStore(listen, () => views.get(tab) ?? EMPTY);
}

function eventsIn(value: unknown): Json[] {
  return (Array.isArray(value) ? value : [value]).map(object).filter((event) => event !== undefined);
}

function progressIn({ read, total, compacting }: Json): Progress | undefined {
  const isOne = typeof read === "number" && typeof total === "number";
  return isOne ? { read, total, compacting: compacting === true } : undefined;
}

/** An event in a few words: its text, or its fields. */
function summary(event: Json): string {
  if (typeof event.text === "string" && typeof event.offset === "number") {
    return `${event.offset} ${JSON.stringify(event.text)}`;
  }
  const { __typename, ...fields } = event;
  const only = Object.values(fields);
  const { __typename: _inner, ...shown } = (only.length === 1 && object(only[0])) || fields;
  return Object.entries(shown)
    .filter(([, value]) => value !== "" && value !== null)
    .map(([name, value]) => `${name} ${clipped(value)}`)
    .join("  ");
}

function clipped(value: unknown): string {
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  if (shown.includes("\n")) return clipped(shown.replaceAll("\n", " ⏎ "));
  return shown.length > 60 ? `${shown.slice(0, 59)}…` : shown;
}

function show(tab: string, view: TabView): void {
  views.set(tab, view);
  timer ??= window.setTimeout(() => {
    timer = undefined;
    for (const listener of listeners) listener();
  }, PACE);
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
