// The waveform: reads the peaks file (docs/formats/peaks.md) and draws it on a canvas.
"use strict";
(() => {
  const MAGIC = "LHPEAKS1";

  // {rate, low, high}[] from finest to coarsest; an Error for bytes that are no peaks.
  function parse(buffer) {
    const view = new DataView(buffer);
    const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 8));
    if (magic !== MAGIC) throw new Error("peaks");
    const levels = [];
    for (let i = 0; i < view.getUint32(8, true); i += 1) {
      const at = 12 + 12 * i;
      const rate = view.getUint32(at, true), count = view.getUint32(at + 4, true), first = view.getUint32(at + 8, true);
      levels.push({ rate, count, pairs: new Int8Array(buffer, first, count * 2) });
    }
    return levels.sort((a, b) => b.rate - a.rate);
  }

  class Wave {
    constructor(canvas) { this.canvas = canvas; this.levels = []; this.duration = 0; this.now = 0; }

    async load(url, duration) {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (!answer.ok) return false;
      this.levels = parse(await answer.arrayBuffer());
      const first = this.levels[0];
      if (!first || !first.count) return false;
      this.duration = duration || first.count / first.rate;
      let loudest = 20;  // quiet recordings are drawn taller, silence is not
      for (const value of first.pairs) if (Math.abs(value) > loudest) loudest = Math.abs(value);
      this.loudest = loudest;
      this.canvas.hidden = false;
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      this.draw();
      return true;
    }

    draw() {
      const { canvas } = this, scale = window.devicePixelRatio || 1;
      const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
      if (!width || !this.levels.length) return;
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      const paint = canvas.getContext("2d"), middle = height / 2, played = this.duration ? this.now / this.duration * width : 0;
      const per = this.duration / width;
      const level = [...this.levels].reverse().find((l) => l.rate * per >= 1) ?? this.levels[0];
      paint.clearRect(0, 0, width, height);
      for (let x = 0; x < width; x += 1) {
        const from = Math.floor(x * per * level.rate), to = Math.max(from + 1, Math.floor((x + 1) * per * level.rate));
        let low = 0, high = 0;
        for (let i = from; i < to && i < level.count; i += 1) {
          if (level.pairs[2 * i] < low) low = level.pairs[2 * i];
          if (level.pairs[2 * i + 1] > high) high = level.pairs[2 * i + 1];
        }
        paint.fillStyle = x < played ? "#7fb0dd" : "#46586a";
        const top = middle - high / this.loudest * middle * 0.95, bottom = middle - low / this.loudest * middle * 0.95;
        paint.fillRect(x, top, 1, Math.max(1, bottom - top));
      }
      paint.fillStyle = "#fff";
      if (this.now) paint.fillRect(Math.round(played), 0, scale, height);
    }

    at(seconds) { this.now = seconds; this.draw(); }
    time(event) { const box = this.canvas.getBoundingClientRect(); return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.duration; }
  }
  window.liuhenWave = Wave;
})();
