/** What an operation is about, read from its document. */

import { getOperationAST, Kind, parse, type DocumentNode, type OperationDefinitionNode } from "graphql";

/** The operation of `document` that would run, or nothing if that is not clear. */
export function operationOf(document: DocumentNode, name?: string | null): OperationDefinitionNode | undefined {
  return getOperationAST(document, name) ?? undefined;
}

/** The document in `text`, or nothing while it does not parse: half-typed text is normal in an editor. */
export function parsed(text: string): DocumentNode | undefined {
  try {
    return parse(text, { noLocation: true });
  } catch {
    return undefined;
  }
}

/**
 * The variable that names the session which an operation follows: `id` for `session(id: $id)`.
 * Nothing if `document` does not parse, holds several operations, or follows no session by a variable.
 */
export function followedBy(document: string | DocumentNode): string | undefined {
  const tree = typeof document === "string" ? parsed(document) : document;
  const operation = tree && operationOf(tree);
  if (operation?.operation !== "subscription") return undefined;
  for (const field of operation.selectionSet.selections) {
    if (field.kind !== Kind.FIELD || field.name.value !== "session") continue;
    const id = field.arguments?.find((argument) => argument.name.value === "id")?.value;
    if (id?.kind === Kind.VARIABLE) return id.name.value;
  }
  return undefined;
}
