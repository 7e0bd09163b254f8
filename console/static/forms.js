// Forms that send JSON to the API; what went wrong is shown beside the button, in the page's language.
"use strict";
(() => {
  const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";

  // Send JSON (or nothing) and return the answer; a problem becomes an Error with its sentence.
  async function send(url, body, more = {}) {
    const headers = { "X-CSRF-Token": csrf, Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(url, {
      method: "POST", headers, credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body), ...more,
    });
    if (answer.status === 401) { location.reload(); }
    const text = await answer.text();
    let value = {};
    try { value = text ? JSON.parse(text) : {}; } catch { value = { title: answer.statusText }; }
    if (!answer.ok) throw new Error([value.title, value.next].filter(Boolean).join(" "));
    return value;
  }
  window.liuhen = { send, csrf };

  function values(form) {
    const body = {};
    let path = form.dataset.post;
    for (const field of form.elements) {
      if (!field.name) continue;
      const text = field.value.trim();
      if ("path" in field.dataset) { path = path.replace(`{${field.name}}`, encodeURIComponent(text)); continue; }
      if ("list" in field.dataset) { body[field.name] = text.split(/[,，、;；\n]+/).map((s) => s.trim()).filter(Boolean); continue; }
      if ("optional" in field.dataset && !text) continue;
      body[field.name] = text;
    }
    return [path, Object.keys(body).length ? body : undefined];
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.post) return;
    event.preventDefault();
    const button = form.querySelector("button"), problem = form.querySelector(".problem");
    button.disabled = true;
    problem.hidden = true;
    try {
      const [path, body] = values(form);
      const answer = await send(path, body);
      if (form.dataset.then === "url") location.assign(answer.url);
      else if (form.dataset.then === "reload") location.reload();
      else document.dispatchEvent(new CustomEvent("liuhen:look"));
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      button.disabled = false;
    }
  });
})();
