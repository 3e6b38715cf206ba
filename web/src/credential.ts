/** The token that this browser tab sends, where the server asks for one. It is kept until the tab is closed. */

const KEY = "transom:token";

/** Whether the server asks for a token: it says so on its pages. */
export const tokenNeeded = document.documentElement.dataset.token === "needed";

/** What is sent where the headers of a tab say nothing themselves. */
export function authorization(): Record<string, string> {
  const token = sessionStorage.getItem(KEY);
  return tokenNeeded && token ? { Authorization: `Bearer ${token}` } : {};
}

/** Keeps a token, as it was pasted: alone, or as the whole header. */
export function keepToken(pasted: string): void {
  const token = pasted.trim().replace(/^authorization:\s*/i, "").replace(/^bearer\s+/i, "");
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
}

/** Whether there is a token to send. */
export function hasToken(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}
