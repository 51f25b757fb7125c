// The server: what is to be shown, what is to be done, and when to look again.

export async function ask(query) {
  const answer = await fetch("/page/state?" + new URLSearchParams(query), { cache: "no-store" });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

export async function tell(deed, document) {
  const answer = await fetch("/page/" + deed, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(document),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

// Calls `changed` whenever something happened, also when the connection is there again;
// `there` is told whether it is there.
export function live(changed, there) {
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/page/live");
  socket.addEventListener("open", () => {
    there(true);
    changed();
  });
  socket.addEventListener("message", changed);
  socket.addEventListener("close", () => {
    there(false);
    setTimeout(live, 1000, changed, there);
  });
}
