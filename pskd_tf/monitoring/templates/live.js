"use strict";

const samples = [];
let after = -1;
const element = (name) => document.getElementById(name);

function press(key) {
  fetch(`press?key=${encodeURIComponent(key)}`, { method: "POST", headers: { "X-Monitor": "1" } });
}

function draw(now, seconds) {
  const canvas = element("plot");
  const scale = window.devicePixelRatio || 1;
  const width = (canvas.width = canvas.clientWidth * scale);
  const height = (canvas.height = canvas.clientHeight * scale);
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const values = samples.flatMap((one) => one.slice(1)).filter((value) => value !== null);
  const largest = Math.max(2, ...values.map(Math.abs)) * 1.05;
  const left = 40 * scale;
  const across = (time) => left + ((time - now + seconds) / seconds) * (width - left);
  const down = (value) => ((largest - value) / (2 * largest)) * height;
  context.font = `${12 * scale}px sans-serif`;
  context.fillStyle = getComputedStyle(canvas).color;
  context.strokeStyle = style.getPropertyValue("--grid");
  for (let value = -Math.floor(largest); value <= largest; value += Math.ceil(largest / 4)) {
    context.beginPath();
    context.moveTo(left, down(value));
    context.lineTo(width, down(value));
    context.stroke();
    context.fillText(`${value} g`, 0, down(value) + 4 * scale);
  }
  ["x", "y", "z"].forEach((axis, index) => {
    context.strokeStyle = style.getPropertyValue(`--${axis}`);
    context.lineWidth = 1.5 * scale;
    context.beginPath();
    let isDown = false;
    for (const sample of samples) {
      const value = sample[index + 1];
      if (value === null) {
        isDown = false;
      } else if (isDown) {
        context.lineTo(across(sample[0]), down(value));
      } else {
        context.moveTo(across(sample[0]), down(value));
        isDown = true;
      }
    }
    context.stroke();
  });
}

function showSession(data) {
  element("session").hidden = data.session === null;
  if (data.session === null) return;
  const labels = element("labels");
  if (labels.childElementCount !== data.labels.length) {
    labels.replaceChildren(
      ...data.labels.map((label, index) => {
        const button = document.createElement("button");
        button.textContent = `${index + 1} ${label}`;
        button.addEventListener("click", () => press(String(index + 1)));
        return button;
      }),
    );
  }
  const { phase, label, remaining, last } = data.session;
  const text = {
    waiting: last || "press a key or a button",
    countdown: `${label} in ${Math.ceil(remaining)}`,
    recording: `recording ${label}: ${remaining.toFixed(1)} s; Backspace drops it`,
  };
  element("phase").textContent = text[phase];
}

function show(data) {
  // A board that starts again has stamps from 0.
  if (data.now < after) {
    samples.length = 0;
    after = -1;
  }
  samples.push(...data.samples);
  if (data.samples.length) after = data.samples[data.samples.length - 1][0];
  while (samples.length && samples[0][0] < data.now - data.kept_seconds) samples.shift();
  if (data.header) element("header").textContent = data.header;
  if (data.activity) {
    const [label, confidence] = data.activity;
    element("activity").textContent = confidence === null ? label : `${label} ${confidence.toFixed(2)}`;
  }
  element("seconds").textContent = data.kept_seconds;
  element("events").textContent = data.events.join("\n");
  element("hint").hidden = !data.hint;
  element("hint").textContent = data.hint;
  showSession(data);
  draw(data.now, data.kept_seconds);
}

async function poll() {
  try {
    const response = await fetch(`data?after=${after}`);
    show(await response.json());
  } catch {
    element("header").textContent = "the monitor has ended";
  }
  setTimeout(poll, 100);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "Backspace") press("\x7f");
  else if (/^[1-9]$/.test(event.key)) press(event.key);
});
poll();
