// The caller's page: asks for the microphone, joins, shows what is said. No dependency, no build step.
// Doors of the service: POST /v1/webrtc/join, POST /v1/webrtc/offer; captions and states come on the data channel.

const GATHERING_MS = 1500; // longest wait for network candidates: what we have by then is offered
const CONNECTING_MS = 15000; // longest wait for the line
const LOST_MS = 6000; // a line that is gone for longer is not coming back

const $ = (id) => document.getElementById(id);
const page = $("page");

const SAYS = {
  idle: "Start the call",
  asking: "Waiting for your microphone …",
  connecting: "Connecting …",
  disclosure: "Please listen for a moment",
  listening: "Listening to you",
  thinking: "One moment …",
  speaking: "Speaking",
  ended: "The call has ended",
  failed: "Try again",
};

/** Something the caller can act on: a title and what to do. */
class Problem extends Error {
  constructor(title, text) {
    super(title);
    this.text = text;
  }
}

const LOST = () => new Problem("The connection was lost", "Check your network, then press the button to call again.");

const MICROPHONE = {
  NotAllowedError: ["The microphone is blocked", "Allow it for this page, with the icon beside the address, then press the button again."],
  NotFoundError: ["No microphone was found", "Plug one in or switch it on, then press the button again."],
  NotReadableError: ["The microphone is in use", "Another program is holding it. Close that program, then press the button again."],
};

const DOORS = {
  401: ["This call could not be started", "The page waited too long. Press the button again."],
  403: ["This call could not be started", "Calls from this page are not allowed."],
  404: ["Nobody answers at this address", "Check the link that you followed."],
  429: ["All lines are busy", "Please try again in a minute."],
  503: ["All lines are busy", "Please try again in a minute."],
};

/** The agent that the address names: /call/AGENT or /call?agent=AGENT; empty for the default one. */
function agentOf(address) {
  const [, , name = ""] = address.pathname.split("/");
  return address.searchParams.get("agent") ?? decodeURIComponent(name.replace(/^index\.html$/, ""));
}

async function ask(door, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(door, { method: "POST", headers, body: JSON.stringify(body) });
  } catch {
    throw new Problem("We cannot be reached", "Check your network, then press the button again.");
  }
  if (!answer.ok) {
    const [title, text] = DOORS[answer.status] ?? ["Something went wrong on our side", "Please try again in a minute."];
    throw new Problem(title, text);
  }
  return answer.json();
}

async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Problem("This page cannot use the microphone", "Browsers allow it only on https:// addresses and on this very machine.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
  } catch (error) {
    const [title, text] = MICROPHONE[error.name] ?? ["The microphone cannot be used", error.message];
    throw new Problem(title, text);
  }
}

/** Loudness of a stream, 0..1, smoothed: quick to rise, slow to fall. */
class Loudness {
  constructor(context, stream) {
    this.analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
    this.value = 0;
  }

  read() {
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length;
    const level = Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 55) / 45)); // -55 dB .. -10 dB
    this.value = level > this.value ? level : this.value * 0.88 + level * 0.12;
    return this.value;
  }
}

/** One call, from the press of the button to the last hang-up. */
class Call {
  #timers = [];
  #over = false;

  async start() {
    show("asking");
    this.stream = await microphone();
    this.#unlessOver();
    show("connecting");
    const { token, ice_servers: iceServers, company } = await ask("/v1/webrtc/join", { agent: agentOf(new URL(location.href)) });
    this.#unlessOver();
    if (company) introduce(company);
    this.line = new RTCPeerConnection({ iceServers });
    this.line.addTransceiver(this.stream.getAudioTracks()[0], { direction: "sendrecv", streams: [this.stream] });
    this.line.ontrack = ({ streams, track }) => this.#hear(streams[0] ?? new MediaStream([track]));
    this.line.onconnectionstatechange = () => this.#watch(this.line.connectionState);
    this.stream.getAudioTracks()[0].onended = () => this.end(new Problem("The microphone went away", "Plug it in again, then press the button."));
    this.#openChannel();
    await this.line.setLocalDescription();
    await this.#gathered();
    const { sdp, type } = this.line.localDescription;
    const answer = await ask("/v1/webrtc/offer", { sdp, type }, token);
    this.#unlessOver();
    await this.line.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
    this.#later(CONNECTING_MS, () => {
      if (this.line.connectionState !== "connected") this.end(new Problem("The line could not be opened", "A firewall may be in the way of the sound. Try another network."));
    });
    this.#meter();
  }

  mute(on) {
    this.stream?.getAudioTracks().forEach((track) => { track.enabled = !on; });
  }

  end(problem) {
    if (this.#over) return;
    this.#over = true;
    this.#timers.forEach(clearInterval);
    this.stream?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
    this.sound?.close();
    this.line?.close();
    finish(problem);
  }

  #unlessOver() {
    if (!this.#over) return;
    this.stream?.getTracks().forEach((track) => track.stop());
    throw new Problem("", ""); // the caller hung up while we were connecting: nothing to say
  }

  #later(ms, work) {
    this.#timers.push(setTimeout(work, ms));
  }

  #openChannel() {
    const channel = this.line.createDataChannel("attune");
    channel.onopen = () => this.#timers.push(setInterval(() => channel.readyState === "open" && channel.send("ping"), 1000));
    channel.onmessage = ({ data }) => {
      let news;
      try { news = JSON.parse(data); } catch { return; }
      if (news?.type === "caption") caption(news.party, news.text, news.final);
      else if (news?.type === "state" && news.state === "ended") this.end();
      else if (news?.type === "state" && !this.#over) show(news.state);
    };
    channel.onclose = () => this.#later(500, () => this.end());
  }

  #gathered() {
    return new Promise((resolve) => {
      const settle = () => this.line.iceGatheringState === "complete" && resolve();
      this.line.addEventListener("icegatheringstatechange", settle);
      setTimeout(resolve, GATHERING_MS);
      settle();
    });
  }

  #watch(state) {
    if (state === "connected") {
      clearTimeout(this.lost);
      if (!this.since) {
        this.since = Date.now();
        this.#timers.push(setInterval(() => tick(Date.now() - this.since), 500));
        if (page.dataset.state === "connecting") show("disclosure");
        announce("Connected.");
      }
    } else if (state === "disconnected") {
      this.lost = setTimeout(() => this.end(LOST()), LOST_MS);
      this.#timers.push(this.lost);
    } else if (state === "failed") {
      this.end(LOST());
    }
  }

  #hear(stream) {
    $("voice").srcObject = stream;
    $("voice").play().catch(() => {}); // autoplay was allowed by the press of the button
    this.theirs = this.sound && new Loudness(this.sound, stream);
    this.heard = stream;
  }

  #meter() {
    this.sound = new AudioContext();
    const mine = new Loudness(this.sound, this.stream);
    if (this.heard) this.theirs = new Loudness(this.sound, this.heard);
    const draw = () => {
      if (this.#over) return;
      const level = mine.read();
      const other = this.theirs?.read() ?? 0;
      page.style.setProperty("--mine-level", level.toFixed(3));
      page.style.setProperty("--level", (page.dataset.state === "listening" ? level : other).toFixed(3));
      requestAnimationFrame(draw);
    };
    draw();
  }
}

// what is on the screen

function show(state) {
  if (!(state in SAYS)) return;
  page.dataset.state = state;
  $("state-text").textContent = SAYS[state];
  const live = !["idle", "ended", "failed"].includes(state);
  $("controls").hidden = !live;
  $("mute").disabled = state === "asking";
  if (live) $("problem").hidden = true;
}

function announce(text) {
  $("announcer").textContent = text;
}

function introduce(company) {
  $("title").textContent = company;
  document.title = `Call with ${company}`;
}

function tick(ms) {
  const seconds = Math.floor(ms / 1000);
  $("clock").hidden = false;
  $("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Write what a party said; an open caption of that party is rewritten until it is final. */
function caption(party, text, final) {
  if (party !== "caller" && party !== "agent") return;
  const log = $("captions");
  const stuck = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  let line = [...log.querySelectorAll(`.${party}.open`)].at(-1);
  if (!line) {
    line = document.createElement("p");
    line.className = `${party} open`;
    line.append(Object.assign(document.createElement("b"), { textContent: party === "caller" ? "You" : "Agent" }), document.createElement("span"));
    log.append(line);
  }
  line.lastElementChild.textContent = text;
  line.classList.toggle("open", !final);
  if (stuck) log.scrollTop = log.scrollHeight;
}

function finish(problem) {
  call = null;
  const words = $("captions").childElementCount > 0;
  show(problem?.message ? "failed" : "ended");
  $("captions").hidden = !words;
  $("lead").textContent = problem?.message ? "" : "Thank you for calling. Press the button to call again.";
  if (problem?.message) {
    $("problem-title").textContent = problem.message;
    $("problem-text").textContent = problem.text;
    $("problem").hidden = false;
  } else {
    announce("The call has ended.");
  }
  $("start").focus();
}

function setMute(on) {
  $("mute").setAttribute("aria-pressed", String(on));
  $("mute").lastElementChild.textContent = on ? "Unmute" : "Mute";
}

let call = null;

$("start").addEventListener("click", () => {
  if (call) return;
  call = new Call();
  const mine = call;
  setMute(false);
  $("captions").replaceChildren();
  $("captions").hidden = false;
  $("clock").hidden = true;
  announce("Connecting.");
  mine.start().catch((error) => mine.end(error instanceof Problem ? error : new Problem("The call could not be started", String(error.message ?? error))));
  $("hang-up").focus();
});

$("hang-up").addEventListener("click", () => call?.end());

$("mute").addEventListener("click", () => {
  const on = $("mute").getAttribute("aria-pressed") !== "true";
  setMute(on);
  call?.mute(on);
  announce(on ? "Your microphone is muted." : "Your microphone is on.");
});

window.addEventListener("pagehide", () => call?.end());
