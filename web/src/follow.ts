/** Keeps GraphiQL's tabs at the session that was touched last. */

import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useState } from "react";

import { WATCH_IT_LIVE } from "./examples";
import { enterTab } from "./live/streams";
import { followedBy } from "./operations";
import { useNewestSession, withSession } from "./sessions";

/** Writes the newest session's id into the variables of a tab that follows a session; returns the tab's id. */
export function useFilledVariables(): string {
  const { tabs, activeTabIndex, variableEditor } = useGraphiQL(pick("tabs", "activeTabIndex", "variableEditor"));
  const session = useNewestSession();
  const tab = tabs[activeTabIndex];
  const id = tab?.id ?? "";
  const name = tab?.query ? followedBy(tab.query) : undefined;

  useEffect(() => enterTab(id), [id]);
  useEffect(() => {
    if (!variableEditor || !session || !name) return;
    const variables = withSession(variableEditor.getValue(), name, session);
    if (variables) variableEditor.setValue(variables);
  }, [id, name, session, variableEditor]);
  return id;
}

/** A function that opens the first tab that follows a session (or a new one), at `session`, and runs it. */
export function useWatch(): (session: string) => void {
  const { tabs, documentAST, queryEditor, variableEditor } = useGraphiQL(
    pick("tabs", "documentAST", "queryEditor", "variableEditor"),
  );
  const { addTab, changeTab, run } = useGraphiQLActions();
  const [wanted, setWanted] = useState<string>();

  useEffect(() => {
    const name = documentAST && followedBy(documentAST); // of the new tab: GraphiQL parses it a moment after the switch
    if (!wanted || !name || !variableEditor) return;
    const variables = withSession(variableEditor.getValue(), name, wanted, "replace");
    if (variables) variableEditor.setValue(variables);
    setWanted(undefined);
    run();
  }, [wanted, documentAST, variableEditor, run]);

  return (session) => {
    const index = tabs.findIndex(({ query }) => query && followedBy(query));
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      queryEditor?.setValue(WATCH_IT_LIVE);
    }
    setWanted(session);
  };
}
