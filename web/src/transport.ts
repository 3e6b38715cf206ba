/** How GraphiQL talks to the server: POST for queries and mutations, one socket per subscription. */

import type { Fetcher } from "@graphiql/toolkit";
import { parse } from "graphql";
import { createClient, type FormattedExecutionResult } from "graphql-ws";

import { object, text, type Json } from "./json";
import { beginStream, endStream, offerSession, receive } from "./live/streams";
import { followedBy, operationOf } from "./operations";
import { noticeSession } from "./sessions";

export type Headers = Record<string, string>;
export type Result = FormattedExecutionResult<Json, unknown>;

interface Operation {
  query: string;
  variables?: Json;
  operationName?: string | null;
}

const endpoint = new URL("graphql", document.baseURI);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol.replace("http", "ws");

/** One operation over HTTP. Throws an `Error` with a sentence when the answer is no GraphQL. */
export async function post(operation: Operation, headers: Headers = {}): Promise<Result> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...headers,
    },
    body: JSON.stringify(operation),
  });
  const body = await response.text();
  try {
    return JSON.parse(body) as Result;
  } catch {
    throw new Error(`The server answered ${response.status} without GraphQL: ${body.slice(0, 200)}`);
  }
}

/** The results of one subscription, until it ends or is returned. The headers travel in `connection_init`. */
export async function* subscribe(operation: Operation, headers: Headers = {}): AsyncGenerator<Result> {
  const client = createClient({ url: socket.href, connectionParams: named(headers) });
  const results = client.iterate<Json>({
    query: operation.query,
    variables: operation.variables ?? null,
    operationName: operation.operationName ?? null,
  });
  try {
    yield* results;
  } catch (error) {
    throw error instanceof CloseEvent ? new Error(`The socket closed: ${error.code} ${error.reason}`.trim()) : error;
  } finally {
    await client.dispose();
  }
}

/** GraphiQL's way to the server, which also feeds the live view. */
export const fetcher: Fetcher = (parameters, { headers = {}, documentAST } = {}) => {
  const operation: Operation = parameters;
  const document = documentAST ?? parse(operation.query);
  if (operationOf(document, operation.operationName)?.operation === "subscription") {
    const variable = followedBy(document);
    const session = variable && text(operation.variables?.[variable]);
    return watched(operation, headers, session || undefined);
  }
  return operation.operationName === "IntrospectionQuery" ? post(operation, headers) : answered(operation, headers);
};

async function answered(operation: Operation, headers: Headers): Promise<Result> {
  endStream();
  const result = await post(operation, headers);
  offerSession(noticeSession(object(result.data)));
  return result;
}

/** Shows every result in the live view, and hands GraphiQL the newest at a pace that an editor can redraw. */
function watched(operation: Operation, headers: Headers, session: string | undefined): AsyncIterableIterator<Result> {
  const stream = beginStream(operation.operationName ?? "subscription", session, headers);
  const source = subscribe(operation, headers);
  let newest: Result | undefined;
  let ended = false;
  let failure: unknown;
  let wake = (): void => {};

  void (async () => {
    try {
      for await (const result of source) {
        newest = result;
        receive(stream, result);
        wake();
      }
      endStream(stream);
    } catch (error) {
      failure = error;
      endStream(stream, error instanceof Error ? error.message : JSON.stringify(error));
    }
    ended = true;
    wake();
  })();

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      await new Promise((resolve) => setTimeout(resolve, PACE));
      while (!newest && !ended) await new Promise<void>((resolve) => (wake = resolve));
      if (newest) {
        const value = newest;
        newest = undefined;
        return { done: false, value };
      }
      if (failure) throw failure;
      return { done: true, value: undefined };
    },
    async return() {
      endStream(stream);
      ended = true;
      wake();
      await source.return(undefined);
      return { done: true, value: undefined };
    },
  };
}

const PACE = 50; // milliseconds

/** The same headers with the one that matters in its usual spelling: JSON keys know no case folding. */
function named(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [/^authorization$/i.test(name) ? "Authorization" : name, value]),
  );
}
