/** Where the token goes, above GraphiQL, where the server asks for one. */

import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useState, type FormEvent, type ReactNode } from "react";
import { createPortal } from "react-dom";

import { hasToken, keepToken, tokenNeeded } from "./credential";
import { post } from "./transport";

/** One line to paste a token into. It says what the server thinks of it, and leaves room once it is accepted. */
export function Door(): ReactNode {
  const { schema, isIntrospecting, responseEditor } = useGraphiQL(pick("schema", "isIntrospecting", "responseEditor"));
  const { introspect } = useGraphiQLActions();
  const [open, setOpen] = useState(!hasToken());
  const [refusal, setRefusal] = useState<string>();
  const place = document.getElementById("door");
  if (!tokenNeeded || !place) return null;

  async function enter(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    keepToken(String(new FormData(event.currentTarget).get("token") ?? ""));
    const { errors } = await post({ query: "{ __typename }" });
    setRefusal(errors?.[0]?.message);
    if (errors) return;
    setOpen(false);
    responseEditor?.setValue(""); // it still says that a token is needed
    await introspect();
  }

  const locked = open || (!schema && !isIntrospecting);
  return createPortal(
    locked ? (
      <form className="door" onSubmit={(event) => void enter(event)}>
        <label htmlFor="token">This server asks for a token.</label>
        <input id="token" name="token" type="password" autoComplete="off" placeholder="eyJ…" required />
        <button type="submit">Use it</button>
        <p role={refusal ? "alert" : undefined}>
          {refusal ?? "It is sent as Authorization: Bearer … with every operation, and forgotten with this tab."}
        </p>
      </form>
    ) : (
      <p className="door">
        A token is sent with every operation.
        <button type="button" onClick={() => setOpen(true)}>
          Use another
        </button>
      </p>
    ),
    place,
  );
}
