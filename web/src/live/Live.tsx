/** The right side of GraphiQL while a subscription runs: the conversation as it grows, and every event. */

import { useLayoutEffect, useRef, useState, type ReactNode } from "react";

import { useFilledVariables, useWatch } from "../follow";
import type { LiveMessage } from "./conversation";
import { Say } from "./Say";
import { messagesOf, useTabView, type LiveEvent, type Progress, type Stream } from "./streams";
import "./live.css";

/** What the active tab has to show besides its JSON: a running or finished stream, an offer to watch, or nothing. */
export function Live(): ReactNode {
  const tab = useFilledVariables();
  const watch = useWatch();
  const { stream, offer } = useTabView(tab);
  if (stream) return <StreamView key={tab} stream={stream} />;
  if (!offer) return null;
  return (
    <div className="live-offer">
      <span className="live-dot" />
      <span>The reply is written in the background.</span>
      <button type="button" className="live-button" onClick={() => watch(offer)}>
        Watch it live
      </button>
    </div>
  );
}

function StreamView({ stream }: { stream: Stream }): ReactNode {
  const [shown, setShown] = useState<"live" | "json">("live");
  const running = stream.away ? "away" : "running";
  const state = stream.failure ? "failed" : stream.running ? running : "ended";
  return (
    <section className="live" data-shown={shown} data-state={state} aria-label="Live">
      <header className="live-header">
        <span className="live-dot" />
        <strong>{stream.name}</strong>
        {state === "away" ? (
          <span className="live-away">Server lost, reconnecting…</span>
        ) : (
          <span className="live-count">
            {plural(stream.count, "event")}
            {stream.deltas > 0 && ` · ${plural(stream.deltas, "delta")}`}
          </span>
        )}
        <span className="live-views" role="group" aria-label="Show as">
          {(["live", "json"] as const).map((view) => (
            <button key={view} type="button" aria-pressed={shown === view} onClick={() => setShown(view)}>
              {view === "live" ? "Live" : "JSON"}
            </button>
          ))}
        </span>
      </header>
      {shown === "live" && (
        <>
          <Messages stream={stream} />
          <Events events={stream.events} />
          {stream.session && <Say session={stream.session} headers={stream.headers} disabled={!stream.running} />}
        </>
      )}
    </section>
  );
}

function Messages({ stream }: { stream: Stream }): ReactNode {
  const messages = messagesOf(stream).filter(({ content, status }) => content || status !== "COMPLETE");
  const end = useSticky(stream.count);
  const waiting = messages.findLast(({ content, status }) => !content && isOpen(status));
  return (
    <div className="live-messages" ref={end}>
      {messages.map((message) => (
        <Message key={message.id} message={message} progress={message === waiting ? stream.progress : undefined} />
      ))}
      {stream.failure && <p className="live-failure">{stream.failure}</p>}
      {messages.length === 0 && !stream.failure && (
        <p className="live-empty">
          {stream.running ? "Listening. What happens appears here." : "The subscription has ended."}
        </p>
      )}
    </div>
  );
}

interface Shown {
  message: LiveMessage;
  progress: Progress | undefined;
}

function Message({ message: { id, role, status, start, content, fresh, inShort }, progress }: Shown): ReactNode {
  const open = isOpen(status);
  const settled = content.slice(0, content.length - fresh.reduce((length, piece) => length + piece.text.length, 0));
  return (
    <article className="live-message" data-role={role ?? "ASSISTANT"} data-message={id}>
      <header>
        <span>{(role ?? "message").toLowerCase()}</span>
        {status && status !== "COMPLETE" && (
          <span className="live-status">{progress ? reading(progress) : status.toLowerCase()}</span>
        )}
      </header>
      <p>
        {start > 0 && <span className="live-earlier">… </span>}
        {settled}
        {fresh.map((piece) => (
          <span key={piece.key} className="live-fresh">
            {piece.text}
          </span>
        ))}
        {open && <span className="live-caret" />}
      </p>
      {inShort && (
        <details className="live-short">
          <summary>Models are told everything up to here in short</summary>
          <p>{inShort}</p>
        </details>
      )}
    </article>
  );
}

function Events({ events }: { events: readonly LiveEvent[] }): ReactNode {
  const end = useSticky(events.at(-1)?.key);
  return (
    <ol className="live-events" ref={end} aria-label="Events">
      {events.map(({ key, at, type, summary }) => (
        <li key={key}>
          <time>{(at / 1000).toFixed(3)}</time>
          <code data-type={type}>{type}</code>
          <span>{summary}</span>
        </li>
      ))}
    </ol>
  );
}

/** Keeps an element scrolled to its end while it grows, unless the reader has scrolled up. */
function useSticky<E extends HTMLElement>(change: unknown): (element: E | null) => void {
  const ref = useRef<E | null>(null);
  const followed = useRef(true);
  useLayoutEffect(() => {
    if (ref.current && followed.current) ref.current.scrollTop = ref.current.scrollHeight;
  }, [change]);
  const [attach] = useState(() => (element: E | null) => {
    ref.current = element;
    element?.addEventListener("scroll", () => {
      followed.current = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    });
  });
  return attach;
}

function isOpen(status: string | undefined): boolean {
  return status === "STREAMING" || status === "PENDING";
}

function reading({ read, total, compacting }: Progress): string {
  const what = compacting ? "putting the older part in short" : "reading";
  return `${what}: ${read.toLocaleString("en")} of ${plural(total, "token")}`;
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
