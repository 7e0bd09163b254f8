// The player: asks for a view, plays it, renews the grant before it ends, closes it on leaving.
"use strict";
(() => {
  const root = document.getElementById("player");
  if (!root) return;
  const { send, csrf } = window.liuhen, text = root.dataset, item = text.item;
  const media = root.querySelector("video, audio"), picture = root.querySelector(".picture");
  const ask = root.querySelector("[data-ask]"), wait = root.querySelector("[data-wait]"), cover = root.querySelector(".cover");
  const controls = root.querySelector(".controls"), canvas = root.querySelector(".wave");
  const RENEW_BEFORE = 60000, FRAME = 1 / 25;
  let view = null, renewing = 0, purpose = "", wave = null;

  const clock = (s) => {
    const whole = Math.max(0, Math.floor(s || 0)), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, r = String(whole % 60).padStart(2, "0");
    return h ? `${h}:${String(m).padStart(2, "0")}:${r}` : `${m}:${r}`;
  };

  // --- what stands in the frame: ask, wait, or the picture
  function stand(state) {
    if (view) return;
    const playable = state === "playable";
    root.classList.toggle("idle", !playable);
    ask.hidden = !playable;
    wait.hidden = playable;
  }
  stand(text.state);
  const make = root.querySelector("[data-make]");
  const makeable = (state) => state.name === "sealed" && state.reason === "on-demand";
  document.addEventListener("liuhen:state", ({ detail }) => {
    stand(detail.name);
    root.querySelector("[data-wait-text]").textContent = detail.hint ? `${detail.text}${detail.hint ? " · " + detail.hint : ""}` : detail.text;
    make.hidden = !makeable(detail);
  });
  document.dispatchEvent(new CustomEvent("liuhen:look"));

  // --- the view
  const grant = (what, why) => send(`/api/items/${item}/views`, { what, purpose: why });
  const shut = (id, leaving = false) => fetch(`/api/views/${id}/close`, {
    method: "POST", headers: { "X-CSRF-Token": csrf }, credentials: "same-origin", keepalive: leaving,
  }).catch(() => {});

  function until(granted) {
    const end = new Date(granted.until);
    root.querySelector("[data-until]").textContent = text.textUntil.replace("{time}", end.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: document.body.dataset.zone }));
    clearTimeout(renewing);
    const left = end - Date.now();
    renewing = setTimeout(renew, Math.max(1000, left - Math.min(RENEW_BEFORE, left / 3)));
  }

  // A new grant takes the place of the old one; the address stays, so nothing stops.
  async function renew() {
    if (!view) return;
    if (media && media.paused) {  // nobody watches: end the view, ask again on play
      const old = view;
      view = null;
      await shut(old.view);
      root.querySelector("[data-until]").textContent = text.textClosed;
      return;
    }
    try {
      const next = await grant("playable", purpose), old = view;
      view = next;
      until(next);
      await shut(old.view);  // what is being sent goes on under the new view
    } catch (error) { fail(error.message); }
  }

  // After an error: load again and go to the same place.
  function reload(url) {
    const at = media.currentTime, rate = media.playbackRate;
    return new Promise((resolve) => {
      media.addEventListener("loadedmetadata", () => { media.currentTime = at; media.playbackRate = rate; resolve(); }, { once: true });
      media.src = url;
    });
  }

  function fail(message) {
    const problem = ask.querySelector(".problem");
    problem.textContent = message;
    problem.hidden = false;
    ask.hidden = false;
    wait.hidden = true;
    cover.hidden = false;
    ask.querySelector("[data-start]").disabled = false;
  }

  ask.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = ask.querySelector("[data-start]");
    button.disabled = true;
    ask.querySelector(".problem").hidden = true;
    purpose = ask.elements.purpose.value.trim();
    try {
      view = await grant("playable", purpose);
      document.body.dataset.busy = "1";
      cover.hidden = true;
      until(view);
      if (picture) { picture.src = view.url; picture.hidden = false; return; }
      media.src = view.url;
      controls.hidden = false;
      await media.play();
      media.focus({ preventScroll: true });
    } catch (error) {
      if (error.name !== "NotAllowedError" && error.name !== "AbortError") fail(error.message);
    }
  });

  addEventListener("pagehide", () => { if (view) { shut(view.view, true); view = null; } });

  // --- downloads of the original are views, too
  for (const form of document.querySelectorAll("[data-download]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const problem = form.querySelector(".problem");
      problem.hidden = true;
      try {
        const granted = await grant("original", form.elements.purpose.value);
        const link = document.createElement("a");
        link.href = granted.url;
        link.download = "";
        link.click();
      } catch (error) { problem.textContent = error.message; problem.hidden = false; }
    });
  }

  if (text.wave) {
    wave = new window.liuhenWave(canvas);
    wave.load(text.wave, Number(text.duration) / 1000).catch(() => {});
  }
  if (!media) return;

  // --- controls
  const now = root.querySelector("[data-now]"), all = root.querySelector("[data-all]"), seek = root.querySelector("[data-seek]");
  const toggle = root.querySelector("[data-do=toggle]"), speed = root.querySelector("[data-speed]");
  const length = () => (Number.isFinite(media.duration) ? media.duration : Number(text.duration) / 1000) || 0;
  const go = (seconds) => { media.currentTime = Math.min(length(), Math.max(0, seconds)); };
  async function play() {
    if (!view) {  // the view ended while paused
      try { view = await grant("playable", purpose); until(view); if (media.error) await reload(view.url); } catch (error) { fail(error.message); return; }
    }
    await media.play().catch(() => {});
  }
  const flip = () => (media.paused ? play() : media.pause());
  const rate = (value) => { media.playbackRate = value; speed.value = String(value); };
  const step = (frames) => { media.pause(); go(media.currentTime + frames * FRAME); };
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : root.querySelector(".screen").requestFullscreen().catch(() => {}));

  media.addEventListener("timeupdate", () => {
    now.textContent = clock(media.currentTime);
    if (!seek.matches(":active")) seek.value = length() ? String(Math.round(media.currentTime / length() * 1000)) : "0";
    wave?.at(media.currentTime);
  });
  media.addEventListener("durationchange", () => { all.textContent = clock(length()); });
  const standing = () => {
    root.classList.toggle("playing", !media.paused);
    toggle.setAttribute("aria-label", media.paused ? text.textPlay : text.textPause);
  };
  media.addEventListener("play", standing);
  media.addEventListener("pause", standing);
  media.addEventListener("error", () => { if (view && media.error) fail(text.textFailed); });
  media.addEventListener("click", () => { if (view) flip(); });
  seek.addEventListener("input", () => go(Number(seek.value) / 1000 * length()));
  speed.addEventListener("change", () => rate(Number(speed.value)));
  canvas.addEventListener("pointerdown", (event) => { if (view) go(wave.time(event)); });
  canvas.addEventListener("pointermove", (event) => { if (view && event.buttons) go(wave.time(event)); });
  const acts = { toggle: flip, back: () => go(media.currentTime - 10), forward: () => go(media.currentTime + 10), full };
  for (const button of root.querySelectorAll("[data-do]")) button.addEventListener("click", () => acts[button.dataset.do]());

  const SPEEDS = [0.25, 0.5, 1, 1.5, 2, 4];
  const faster = (by) => rate(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(media.playbackRate) + by))] ?? 1);
  const keys = {
    " ": flip, k: flip, K: flip,
    j: () => go(media.currentTime - 10), l: () => go(media.currentTime + 10),
    ArrowLeft: () => go(media.currentTime - 5), ArrowRight: () => go(media.currentTime + 5),
    ",": () => step(-1), ".": () => step(1), "<": () => faster(-1), ">": () => faster(1),
    Home: () => go(0), End: () => go(length()), f: full,
  };
  addEventListener("keydown", (event) => {
    if (controls.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=range]), select, textarea, summary, a, button")) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
})();
