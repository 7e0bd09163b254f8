// States that change while one looks: asks every 1.5 s while something moves, seldom when hidden.
"use strict";
(() => {
  const OFTEN = 1500, SELDOM = 15000, STILL = 10000;

  function show(place, state) {
    for (const name of [...place.classList]) {
      if (["receiving", "interrupted", "received", "stored", "sealed", "converting", "playable", "unplayable", "aborted"].includes(name)) place.classList.remove(name);
    }
    if (place.classList.contains("state")) place.classList.add(state.name);
    const word = place.querySelector("[data-word]"), chip = place.querySelector("[data-chip]");
    if (word && word.textContent !== state.text) word.textContent = state.text;
    if (chip) { chip.textContent = state.text; chip.className = `chip ${state.name}`; }
    const bar = place.querySelector("[data-percent]");
    if (bar) {
      if (bar.closest(".state")) bar.hidden = state.percent === null;
      if (state.percent === null) bar.removeAttribute("value"); else bar.value = state.percent;
    }
    for (const step of state.steps) {
      const li = place.querySelector(`[data-step=${step.name}]`);
      if (!li) continue;
      li.className = step.standing;
      li.querySelector(".step").textContent = step.text;
      li.querySelector(".standing").textContent = step.standing_text;
    }
    const hint = place.querySelector("[data-hint]");
    if (hint) hint.textContent = state.hint ?? "";
    const decide = document.getElementById("decide");
    if (decide) decide.hidden = state.name !== "interrupted";
    document.dispatchEvent(new CustomEvent("liuhen:state", { detail: state }));
  }

  function watch(place) {
    let etag = "", timer = 0, wait = OFTEN;
    async function look() {
      clearTimeout(timer);
      try {
        const headers = { Accept: "application/json" };
        if (etag) headers["If-None-Match"] = etag;
        const answer = await fetch(place.dataset.live, { headers, credentials: "same-origin", cache: "no-store" });
        if (answer.status === 401) { location.reload(); return; }
        if (answer.ok) {
          etag = answer.headers.get("ETag") ?? "";
          const body = await answer.json();
          if (body.goal) {
            if (place.classList.contains("state")) { location.assign(body.goal); return; }
            place.querySelector("a").href = body.goal;
          }
          const before = place.dataset.name;
          show(place, body.state);
          place.dataset.name = body.state.name;
          wait = body.state.moving ? OFTEN : STILL;
          // a change of state may bring a player, a receipt, new entries: take the whole page again,
          // but never while somebody watches or types
          if (before && before !== body.state.name && !document.body.dataset.busy && place.classList.contains("state")) {
            if (!document.activeElement || document.activeElement === document.body) { location.reload(); return; }
          }
        }
      } catch { wait = OFTEN * 4; }
      timer = setTimeout(look, document.hidden ? SELDOM : wait);
    }
    const now = [...place.classList].find((c) => !["state", "row", "upload"].includes(c));
    if (now) place.dataset.name = now;
    timer = setTimeout(look, OFTEN);
    document.addEventListener("liuhen:look", look);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  }
  for (const place of document.querySelectorAll("[data-live]")) watch(place);
})();
