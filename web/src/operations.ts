/** What an operation is about, read from its document. */

import { getOperationAST, Kind, parse, type DocumentNode, type OperationDefinitionNode } from "graphql";

/** The operation of `document` that would run, or nothing if that is not clear. */
export function operationOf(document: DocumentNode, name?: string | null): OperationDefinitionNode | undefined {
  return getOperationAST(document, name) ?? undefined;
}

/**
 * The variable that names the session which an operation follows: `id` for `session(id: $id)`.
 * Nothing if `document` does not parse, holds several operations, or follows no session by a variable.
 */
export function followedBy(document: string | DocumentNode): string | undefined {
  const operation = parsed(document);
  if (operation?.operation !== "subscription") return undefined;
  for (const field of operation.selectionSet.selections) {
    if (field.kind !== Kind.FIELD || field.name.value !== "session") continue;
    const id = field.arguments?.find((argument) => argument.name.value === "id")?.value;
    if (id?.kind === Kind.VARIABLE) return id.name.value;
  }
  return undefined;
}

function parsed(document: string | DocumentNode): OperationDefinitionNode | undefined {
  if (typeof document !== "string") return operationOf(document);
  try {
    return operationOf(parse(document, { noLocation: true }));
  } catch {
    return undefined; // half-typed text is normal in an editor
  }
}
