/** The mark: a window whose panes are joined by a transom, one of them lit. */

import type { ReactNode } from "react";

import mark from "./mark.svg";

/** The mark beside a name; the name says what it is, so the picture is silent. */
export function Mark(): ReactNode {
  return <img src={mark} alt="" width={18} height={18} />;
}
