/** The first call on the start page: at this server's address, and copied by a button. */

const button = document.querySelector<HTMLButtonElement>("#copy");

for (const address of document.querySelectorAll("#call [data-address]")) {
  address.textContent = new URL("graphql", document.baseURI).href;
}

button?.addEventListener("click", () => {
  const shown = [...document.querySelectorAll<HTMLElement>("#call code")].find((code) => code.offsetParent !== null);
  if (shown) void copy(shown, button);
});
if (button) button.hidden = false;

async function copy(shown: HTMLElement, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(shown.innerText);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  } catch {
    getSelection()?.selectAllChildren(shown); // an address without TLS has no clipboard
    button.textContent = "Selected";
  }
}
