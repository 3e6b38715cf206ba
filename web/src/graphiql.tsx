/** GraphiQL for Transom: everything is bundled, and subscriptions are shown as they grow. */

import "./workers";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import { Door } from "./Door";
import { FIRST_TABS } from "./examples";
import { Live } from "./live/Live";
import { EditorColours } from "./look/EditorColours";
import { Mark } from "./look/Mark";
import { fetcher } from "./transport";

import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./look/graphiql.css";

const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

createRoot(document.getElementById("graphiql")!).render(
  <GraphiQL fetcher={fetcher} plugins={plugins} defaultTabs={FIRST_TABS} defaultEditorToolsVisibility="variables">
    <GraphiQL.Logo>
      <a className="graphiql-logo-link transom-logo" href="./" title="Transom's start page">
        <Mark /> Transom
      </a>
    </GraphiQL.Logo>
    <GraphiQL.Footer>
      <Live />
    </GraphiQL.Footer>
    <EditorColours />
    <Door />
  </GraphiQL>
);
