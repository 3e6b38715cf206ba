/** The session that was touched last in this browser, so that nobody copies an id by hand. */

import { useSyncExternalStore } from "react";

import { object, text, type Json } from "./json";

const KEY = "transom:session";
const known = new Set<string>();
const listeners = new Set<() => void>();
let newest = localStorage.getItem(KEY) ?? undefined;
if (newest) known.add(newest);

/** Remembers the session in a mutation's `data`, if there is one; returns its id. */
export function noticeSession(data: Json | undefined): string | undefined {
  for (const payload of Object.values(data ?? {})) {
    const id = text(object(object(payload)?.session)?.id);
    if (!id) continue;
    newest = id;
    known.add(id);
    localStorage.setItem(KEY, id);
    for (const listener of listeners) listener();
    return id;
  }
  return undefined;
}

/** The id of the session touched last. */
export function useNewestSession(): string | undefined {
  return useSyncExternalStore(listen, () => newest);
}

/**
 * `variables` (the text of the editor) with `session` under `name`, or nothing if they should stay as they are:
 * what a person wrote there is only replaced when they ask for it, what was filled in from here always.
 */
export function withSession(
  variables: string,
  name: string,
  session: string,
  written: "keep" | "replace" = "keep",
): string | undefined {
  let values: Json | undefined;
  try {
    values = variables.trim() ? object(JSON.parse(variables)) : {};
  } catch {
    return undefined;
  }
  const current = values?.[name] ?? "";
  const ours = written === "replace" || current === "" || (typeof current === "string" && known.has(current));
  if (!values || !ours || current === session) return undefined;
  return JSON.stringify({ ...values, [name]: session }, null, 2);
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
