/** How GraphiQL talks to the server: POST for queries and mutations, one socket per subscription. */

import type { Fetcher, FetcherOpts, FetcherReturnType } from "@graphiql/toolkit";
import { createClient, type FormattedExecutionResult, type Sink } from "graphql-ws";

import { authorization } from "./credential";
import { object, text, type Json } from "./json";
import { beginStream, endStream, offerSession, receive, setConnected } from "./live/streams";
import { followedBy, operationOf, parsed } from "./operations";
import { noticeSession } from "./sessions";

export type Headers = Record<string, string>;
export type Result = FormattedExecutionResult<Json, unknown>;

interface Operation {
  query: string;
  variables?: Json;
  operationName?: string | null;
}

/** What GraphiQL recognises as a subscription. */
interface Watched {
  subscribe(editor: Sink<Result>): { unsubscribe(): void };
}

const endpoint = new URL("graphql", document.baseURI);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol.replace("http", "ws");

/** One operation over HTTP. What is no GraphQL, or no answer at all, comes back as an error with a sentence. */
export async function post(operation: Operation, headers: Headers = {}): Promise<Result> {
  const request = {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...signed(headers),
    },
    body: JSON.stringify(operation),
  };
  try {
    const response = await fetch(endpoint, request);
    const body = await response.text();
    return result(body) ?? failed(`The server answered ${response.status} without GraphQL: ${body.slice(0, 200)}`);
  } catch {
    return failed("The server cannot be reached.");
  }
}

function result(body: string): Result | undefined {
  try {
    return object(JSON.parse(body)) as Result | undefined;
  } catch {
    return undefined;
  }
}

function failed(message: string): Result {
  return { errors: [{ message }] };
}

/**
 * Runs one subscription over a socket of its own; the headers travel in its `connection_init`.
 * A lost connection is made again, also after a restart, and `connection` hears of both; the returned function ends
 * the subscription and the socket.
 */
export function subscribe(
  operation: Operation,
  headers: Headers,
  sink: Sink<Result>,
  connection: (there: boolean) => void,
): () => void {
  let connected = false;
  const client = createClient({
    url: socket.href,
    connectionParams: () => named(signed(headers)),
    retryAttempts: Infinity,
    retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** retries, 15_000))),
    shouldRetry: () => connected, // where there never was a connection, the reason is shown at once
    on: {
      connected() {
        connected = true;
        connection(true);
      },
      closed: () => connection(false),
    },
  });
  return client.subscribe<Json>(
    {
      query: operation.query,
      variables: operation.variables ?? null,
      operationName: operation.operationName ?? null,
    },
    sink,
  );
}

/** GraphiQL's way to the server, which also feeds the live view. */
export const fetcher: Fetcher = (parameters, options) =>
  // Its types ask for error objects; it only prints what arrives.
  sent(parameters, options) as unknown as FetcherReturnType;

function sent(parameters: Operation, { headers = {} }: FetcherOpts = {}): Promise<Result> | Watched {
  const { operation, definition, document } = understood(parameters);
  if (definition?.operation === "subscription") {
    const variable = document && followedBy(document);
    const session = variable && text(operation.variables?.[variable]);
    return watched(operation, headers, session || undefined);
  }
  return operation.operationName === "IntrospectionQuery" ? post(operation, headers) : answered(operation, headers);
}

/**
 * What is to run, read from its text. GraphiQL parses what is typed a moment later than it can be run,
 * so a name that is not in the text is the name of what was there before: it is replaced by the one that is.
 */
function understood(parameters: Operation) {
  const document = parsed(parameters.query);
  const definition = document && (operationOf(document, parameters.operationName) ?? operationOf(document));
  const operationName = definition ? (definition.name?.value ?? null) : (parameters.operationName ?? null);
  return { operation: { ...parameters, operationName }, definition, document };
}

async function answered(operation: Operation, headers: Headers): Promise<Result> {
  endStream();
  const answer = await post(operation, headers);
  offerSession(noticeSession(object(answer.data)));
  return answer;
}

/** Shows every result in the live view, and hands GraphiQL the newest at a pace that an editor can redraw. */
function watched(operation: Operation, headers: Headers, session: string | undefined): Watched {
  return {
    subscribe(editor) {
      const stream = beginStream(operation.operationName ?? "subscription", session, headers);
      let newest: Result | undefined;
      let timer: number | undefined;
      let stopped = false;

      function show(): void {
        clearTimeout(timer);
        timer = undefined;
        if (newest && !stopped) editor.next(newest);
        newest = undefined;
      }

      const sink: Sink<Result> = {
        next(result) {
          receive(stream, result);
          newest = result as Result;
          timer ??= window.setTimeout(show, PACE);
        },
        error(reason) {
          const errors = errorsOf(reason);
          endStream(stream, errors.map(({ message }) => message).join(" "));
          show();
          editor.error(errors);
        },
        complete() {
          endStream(stream);
          show();
          if (!stopped) editor.complete();
        },
      };
      const stop = subscribe(operation, headers, sink, (there) => setConnected(stream, there));
      return {
        unsubscribe() {
          stopped = true;
          stop();
        },
      };
    },
  };
}

const PACE = 50; // milliseconds

/** What went wrong, as GraphQL errors: graphql-ws also rejects with close events and with exceptions. */
function errorsOf(reason: unknown): readonly { message: string }[] {
  if (Array.isArray(reason)) return reason;
  if (reason instanceof CloseEvent) return [{ message: `The socket closed: ${reason.code} ${reason.reason}`.trim() }];
  return [{ message: reason instanceof Error ? reason.message : "The server cannot be reached." }];
}

/** The headers with this tab's token, unless they have one of their own. */
function signed(headers: Headers): Headers {
  return Object.keys(headers).some((name) => /^authorization$/i.test(name)) ? headers : { ...authorization(), ...headers };
}

/** The same headers with the one that matters in its usual spelling: JSON keys know no case folding. */
function named(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [/^authorization$/i.test(name) ? "Authorization" : name, value]),
  );
}
