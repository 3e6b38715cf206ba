/** One line to write into the session that is being watched. */

import { useState, type FormEvent, type ReactNode } from "react";

import { SAY } from "../examples";
import { object, text } from "../json";
import { post, type Headers } from "../transport";

interface SayProps {
  session: string;
  headers: Headers;
  disabled: boolean;
}

/** Sends what is typed as a message of the viewer; a refusal is shown in its place. */
export function Say({ session, headers, disabled }: SayProps): ReactNode {
  const [line, setLine] = useState("");
  const [refusal, setRefusal] = useState<string>();

  async function send(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (!line.trim()) return;
    setLine("");
    setRefusal(undefined);
    const { data, errors } = await post({ query: SAY, variables: { id: session, text: line } }, headers);
    setRefusal(errors?.[0]?.message ?? text(object(data?.sendMessage)?.reason));
  }

  return (
    <form className="live-say" onSubmit={(event) => void send(event)}>
      <input
        value={line}
        onChange={(event) => setLine(event.target.value)}
        disabled={disabled}
        placeholder={disabled ? "Press ▶ to go on watching" : "Say something in this session"}
        aria-label="Message"
      />
      <button type="submit" className="live-button" disabled={disabled || !line.trim()}>
        Send
      </button>
      {refusal && <p role="alert">{refusal}</p>}
    </form>
  );
}
