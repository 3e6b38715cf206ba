/** What arrives from the server, before anything is known about its shape. */
export type Json = Record<string, unknown>;

/** `value` as an object, or nothing if it is a list, a scalar or null. */
export function object(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** `value` if it is a text. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
