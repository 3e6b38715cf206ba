/** Monaco in the colours and the font of the page around it. */

import { pick, useGraphiQL, useMonaco } from "@graphiql/react";
import { useEffect } from "react";

interface Palette {
  accent: string;
  comment: string;
  keyword: string;
  type: string;
  field: string;
  argument: string;
  variable: string;
  string: string;
  number: string;
  popup: string;
}

const LIGHT: Palette = {
  accent: "#2458b8",
  comment: "#7a869c",
  keyword: "#2458b8",
  type: "#8a5300",
  field: "#1c2536",
  argument: "#7a4fc0",
  variable: "#0b7485",
  string: "#9a4a00",
  number: "#1f7f5c",
  popup: "#ffffff",
};

const DARK: Palette = {
  accent: "#8fb4f5",
  comment: "#8390a8",
  keyword: "#8fb4f5",
  type: "#ffc35c",
  field: "#e3e8f2",
  argument: "#c3aaf7",
  variable: "#6fd3e3",
  string: "#f2b98a",
  number: "#7fd6b1",
  popup: "#1a2130",
};

/** Redefines GraphiQL's two editor themes by name, so that its own switch of themes goes on working. */
export function EditorColours(): null {
  const monaco = useMonaco(({ monaco }) => monaco);
  const editors = useGraphiQL(pick("queryEditor", "variableEditor", "headerEditor", "responseEditor"));

  useEffect(() => {
    monaco?.editor.defineTheme("graphiql-LIGHT", theme("vs", LIGHT));
    monaco?.editor.defineTheme("graphiql-DARK", theme("vs-dark", DARK));
  }, [monaco]);

  useEffect(() => {
    const fontFamily = getComputedStyle(document.documentElement).getPropertyValue("--code");
    for (const editor of Object.values(editors)) {
      editor?.updateOptions({ fontFamily, fontSize: 13, lineHeight: 20, wordWrap: "on", wrappingIndent: "indent" });
    }
  }, [editors]);
  return null;
}

function theme(base: "vs" | "vs-dark", palette: Palette) {
  const tint = `${palette.accent}1f`;
  const token = (name: string, colour: string, fontStyle = "") => ({ token: name, foreground: colour.slice(1), fontStyle });
  return {
    base,
    inherit: true,
    colors: {
      "editor.background": "#00000000",
      "scrollbar.shadow": "#00000000",
      "editor.foreground": palette.field,
      "editorBracketHighlight.foreground1": palette.comment,
      "editorBracketHighlight.foreground2": palette.comment,
      "editorBracketHighlight.foreground3": palette.comment,
      "editorLineNumber.foreground": `${palette.comment}99`,
      "editorHoverWidget.background": palette.popup,
      "editorSuggestWidget.background": palette.popup,
      "editorSuggestWidget.selectedBackground": tint,
      "editorSuggestWidget.selectedForeground": palette.accent,
      "editorWidget.background": palette.popup,
      "menu.background": palette.popup,
      "menu.selectionBackground": tint,
      "menu.selectionForeground": palette.accent,
      "quickInput.background": palette.popup,
      "quickInputList.focusBackground": tint,
      "quickInputList.focusForeground": palette.accent,
      "list.hoverBackground": tint,
      "list.highlightForeground": palette.accent,
      "list.focusHighlightForeground": palette.accent,
      "textLink.foreground": palette.accent,
      "textLink.activeForeground": palette.accent,
      "editorLink.activeForeground": palette.accent,
      focusBorder: palette.accent,
    },
    rules: [
      token("comment.gql", palette.comment, "italic"),
      token("keyword.gql", palette.keyword),
      token("type.identifier.gql", palette.type),
      token("key.identifier.gql", palette.field),
      token("argument.identifier.gql", palette.argument),
      token("variable.gql", palette.variable),
      token("string.gql", palette.string),
      token("number.gql", palette.number),
      token("string.key.json", palette.keyword),
      token("string.value.json", palette.string),
      token("number.json", palette.number),
      token("keyword.json", palette.argument),
    ],
  };
}
