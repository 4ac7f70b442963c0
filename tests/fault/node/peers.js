// Many devices on MQTT.js in one process, that chat through everything that happens and write down all they
// do and see (tests/fault/record.h).
//
//   argv[2]  a JSON file: {"devices": [{"user", "device", "peers": [user, …], "token", "version": 4 or 5,
//            "url", "clean", "interval_ms", "record", "receipts", "slow_ms"?, "bears_refusals"?}, …]}
//   stdin    stop: no new messages; sync: one more sync of every device; quit (or its end)
//   stdout   {"event":"ready"}                      each device has tried to connect
//            {"event":"stopped","unconfirmed":n}    after stop, and whenever n changes
//            {"event":"synced"}                     after sync
//            {"event":"status","confirmed","published","connections"}   once a second
//
// Started again with the same configuration it goes on from its record files. A device does what
// docs/protocol.md section 4 says and no more, as any client could that has an MQTT library and nothing else.
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const mqtt = require('mqtt');

const REPLY_PATIENCE_MS = 2000; // a reply may be lost with the store that owed it; then it is asked again,
const MAX_REPLY_PATIENCE_MS = 20000; // with growing pauses, as a store that is slow must not get more to do
const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 500;
const RESEND_MS = 10000; // a `sent` that the broker had no room for comes with the answer to a resend
const MAX_UNCONFIRMED = 50;
const MAX_PADDING = 2000;
const SESSION_EXPIRY_S = 3600;
const UNAVAILABLE = [3, 136, 137]; // MQTT 3.1.1 3.2.2.3, MQTT 5 2.4
const NOT_AUTHORIZED = 135; // what the broker says for every refusal; the error event says why

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');
const random = (below) => Math.floor(Math.random() * below);

// Appends a line in one write. What an earlier process left unfinished is cut off first.
class Recorder {
  constructor(path) {
    this.lines = [];
    if (fs.existsSync(path)) {
      const text = fs.readFileSync(path);
      const whole = text.lastIndexOf(0x0a) + 1;
      if (whole < text.length) fs.truncateSync(path, whole);
      this.lines = text.subarray(0, whole).toString().split('\n').slice(0, -1).map(JSON.parse);
    }
    this.file = fs.openSync(path, 'a');
  }

  write(line) {
    fs.writeSync(this.file, JSON.stringify(line) + '\n');
  }
}

// The receipts for one peer: cumulative, one in flight.
class Receipts {
  constructor() {
    this.wanted = 0;
    this.accepted = 0;
    this.inFlight = false;
  }
}

class Device {
  constructor(spec, onChange) {
    this.spec = spec;
    this.own = `u/${spec.user}/d/${spec.device}`;
    this.onChange = onChange;
    this.cursor = '';
    this.published = 0;
    this.connections = 0;
    this.tried = false;
    this.live = false;
    this.publishing = true;
    this.syncWanted = false;
    this.question = null; // the sync page that is asked for: {req, ask, timer, answersCommand}
    this.questions = 0;
    this.unconfirmed = new Map(); // id → {peer, id, body, at}, in the order of first publishing
    this.receipts = new Map(spec.peers.map((peer) => [peer, new Receipts()]));
    this.recorder = new Recorder(spec.record);
    this.resume();
  }

  // From what an earlier process wrote down. The cursor is not: sync begins at the start.
  resume() {
    for (const line of this.recorder.lines) {
      if (line.t === 'pub') {
        this.published += 1;
        this.unconfirmed.set(line.id, {peer: line.peer, id: line.id, body: line.body, at: 0});
      } else if (line.t === 'connect') {
        this.connections += 1;
      } else if (line.t === 'sync' && line.change.kind === 'sent') {
        this.unconfirmed.delete(line.change.id);
      } else if (line.t === 'refused') {
        this.unconfirmed.delete(line.id);
      } else if (line.t === 'live' && line.topic.endsWith('/sent')) {
        this.unconfirmed.delete(line.payload.id);
      }
    }
    this.recorder.lines = [];
  }

  start() {
    this.connect();
    setTimeout(() => setInterval(() => this.publishNext(), this.spec.interval_ms), random(this.spec.interval_ms));
    setInterval(() => this.repeatLate(), 1000);
  }

  complain(what) {
    this.recorder.write({t: 'complaint', what: `${this.spec.user}:${this.spec.device}: ${what}`});
  }

  // --- the connection ---

  connect() {
    const {user, device, token, version, url, clean} = this.spec;
    const connection = mqtt.connect(url, {
      protocolVersion: version,
      clientId: `${user}:${device}`,
      username: user,
      password: token,
      clean,
      reconnectPeriod: 0,
      connectTimeout: 10000,
      keepalive: 30,
      ...(version === 5 && !clean ? {properties: {sessionExpiryInterval: SESSION_EXPIRY_S}} : {}),
      will: {topic: `${this.own}/presence`, payload: '{"state":"offline"}', qos: 1, retain: true},
    });
    this.connection = connection;
    const mine = (handler) => (...args) => this.connection === connection && handler(...args);
    connection.on('connect', mine(() => this.connected(connection)));
    connection.on('error', mine((error) => this.refused(error)));
    connection.on('close', mine(() => this.closed(connection)));
    connection.on('message', mine((topic, payload) => this.take(topic, payload.toString())));
    // Where MQTT.js lets a client take its time: the next message waits, and so does PUBACK.
    if (this.spec.slow_ms) connection.handleMessage = (packet, done) => setTimeout(done, this.spec.slow_ms);
  }

  connected(connection) {
    this.tried = true;
    this.connections += 1;
    this.recorder.write({t: 'connect'});
    connection.subscribe([`u/${this.spec.user}/in/#`, `${this.own}/#`], {qos: 1}, (error, granted) => {
      if (this.connection !== connection) return;
      if (error?.code >= 128) this.complain(`a subscription was refused: ${error.message}`);
      if (error) return connection.end(true);
      this.publish(`${this.own}/presence`, {state: 'online'}, () => {}, {retain: true});
      this.sync();
    });
    this.onChange();
  }

  refused(error) {
    if (error.code >= 1 && !UNAVAILABLE.includes(error.code)) this.complain(`CONNACK: ${error.message}`);
    this.connection.end(true);
  }

  closed(connection) {
    this.connection = null;
    this.tried = true;
    this.live = false;
    if (this.question) clearTimeout(this.question.timer);
    this.question = null;
    for (const receipts of this.receipts.values()) receipts.inFlight = false;
    connection.end(true);
    setTimeout(() => this.connect(), MIN_RECONNECT_MS + random(MAX_RECONNECT_MS - MIN_RECONNECT_MS));
    this.onChange();
  }

  // `answered(error)` is called with the answer to this connection's publish, and not when there is none.
  publish(topic, payload, answered, options = {}) {
    const connection = this.connection;
    connection.publish(topic, JSON.stringify(payload), {qos: 1, ...options}, (error) => {
      const answer = !error || typeof error.code === 'number'; // else the connection ended
      if (this.connection !== connection || !answer) return;
      // Requests may find no store; the error event says so.
      const expected = !error || UNAVAILABLE.includes(error.code) || topic.startsWith(`${this.own}/req/`);
      if (!expected && !this.bears(error.code === NOT_AUTHORIZED, topic)) {
        this.complain(`PUBACK for ${topic}: ${error.message}`);
      }
      answered(error);
    });
  }

  // --- sync ---

  // Asks for the next page, again and again until it comes. `answersCommand`: the sync that a command wants has
  // begun, with this page or an earlier one.
  sync(answersCommand = this.syncWanted) {
    const req = `sync-${++this.questions}`;
    const question = {req, timer: null, answersCommand};
    question.ask = (patience = REPLY_PATIENCE_MS) => {
      const request = {req, limit: 200, ...(this.cursor ? {cursor: this.cursor} : {})};
      this.publish(`${this.own}/req/sync`, request, () => {});
      question.timer = setTimeout(question.ask, patience, Math.min(2 * patience, MAX_REPLY_PATIENCE_MS));
    };
    this.question = question;
    question.ask();
  }

  takeReply(reply) {
    if (!this.question || reply.req !== this.question.req) return undefined;
    const {timer, ask, answersCommand} = this.question;
    clearTimeout(timer);
    if (reply.error?.code === 'unavailable') return void (this.question.timer = setTimeout(ask, REPLY_PATIENCE_MS));
    this.question = null;
    if (reply.error) return this.takeRefusal(reply.error);
    for (const change of reply.result.changes) {
      this.recorder.write({t: 'sync', change});
      if (change.kind === 'sent') this.confirm(change.id);
      if (change.kind === 'msg') this.wantReceipt(change.from, change.seq);
    }
    this.cursor = reply.result.cursor;
    if (!reply.result.live) return this.sync(answersCommand);
    if (answersCommand) this.syncWanted = false;
    return this.becomeLive();
  }

  takeRefusal(error) {
    if (error.code === 'reset') {
      this.recorder.write({t: 'reset'});
      this.cursor = '';
    } else {
      this.complain(`sync was refused: ${error.code}`);
    }
    setTimeout(() => this.connection?.connected && !this.question && this.sync(), MAX_RECONNECT_MS);
  }

  syncAgain() {
    this.syncWanted = true;
    if (this.live && !this.question) this.sync();
  }

  becomeLive() {
    if (!this.live) {
      this.live = true;
      this.resend();
      for (const peer of this.receipts.keys()) this.tellReceipt(peer);
    }
    if (this.syncWanted) this.sync();
    this.onChange();
  }

  // --- messages ---

  publishNext() {
    if (!this.publishing || !this.live || !this.spec.peers.length) return;
    if (this.unconfirmed.size >= MAX_UNCONFIRMED) return;
    const peer = this.spec.peers[this.published % this.spec.peers.length];
    const number = ++this.published;
    const padding = random(4) ? '' : ' ' + 'x'.repeat(random(MAX_PADDING));
    const message = {peer, id: `${this.spec.device}-${number}`, body: `${this.spec.user} says ${number}${padding}`};
    this.recorder.write({t: 'pub', ...message});
    this.unconfirmed.set(message.id, message);
    this.send(message);
  }

  send(message) {
    const {peer, id, body} = message;
    message.at = Date.now();
    this.publish(`u/${this.spec.user}/out/${peer}/msg`, {id, body}, (error) => {
      if (!error) this.recorder.write({t: 'ack', peer, id});
    });
  }

  resend() {
    for (const message of this.unconfirmed.values()) this.send(message);
  }

  // All messages, in order, when the oldest has waited long; not while a sync is about to tell of some. And
  // receipts that were refused for the moment.
  repeatLate() {
    const [oldest] = this.unconfirmed.values();
    if (this.live && !this.question && oldest && Date.now() - oldest.at > RESEND_MS) this.resend();
    for (const peer of this.receipts.keys()) this.tellReceipt(peer);
  }

  confirm(id) {
    if (this.unconfirmed.delete(id)) this.onChange();
  }

  wantReceipt(peer, seq) {
    const receipts = this.receipts.get(peer);
    if (!receipts || !this.spec.receipts) return;
    receipts.wanted = Math.max(receipts.wanted, seq);
    this.tellReceipt(peer);
  }

  tellReceipt(peer) {
    const receipts = this.receipts.get(peer);
    const seq = receipts.wanted;
    if (!this.live || receipts.inFlight || seq <= receipts.accepted) return;
    const receipt = random(5) ? {delivered: seq} : {read: seq};
    this.recorder.write({t: 'receipt', peer, ...receipt});
    receipts.inFlight = true;
    this.publish(`u/${this.spec.user}/out/${peer}/receipt`, receipt, (error) => {
      receipts.inFlight = false;
      if (error) return; // again later
      receipts.accepted = seq;
      this.tellReceipt(peer);
    });
  }

  // --- what arrives ---

  take(topic, text) {
    const own = topic.startsWith(`${this.own}/`);
    const answer = own && (topic.endsWith('/reply') || topic.endsWith('/error'));
    if (own && !answer) return undefined; // a device hears its own publishes
    let payload;
    try {
      payload = JSON.parse(text);
    } catch {
      return this.complain(`no JSON on ${topic}`);
    }
    if (topic === `${this.own}/reply`) return this.takeReply(payload);
    if (topic === `${this.own}/error`) return this.takeError(payload);
    this.recorder.write({t: 'live', topic, payload});
    const [, , , peer, kind] = topic.split('/');
    if (kind === 'sent') this.confirm(payload.id);
    if (kind === 'msg') this.wantReceipt(peer, payload.seq);
    return undefined;
  }

  // Whether a refusal is to be borne: a full disk takes neither messages nor receipts for a while.
  bears(refused, topic) {
    return this.spec.bears_refusals && refused && topic?.startsWith(`u/${this.spec.user}/out/`);
  }

  // Requests may find no store, and are asked again. Messages must always be taken, or may be given up.
  takeError(error) {
    if (this.bears(error.code === 'unavailable', error.topic)) {
      const message = this.unconfirmed.get(error.id);
      if (!message) return;
      this.recorder.write({t: 'refused', peer: message.peer, id: message.id});
      this.confirm(message.id);
      return;
    }
    const expected = error.code === 'unavailable' && error.topic?.startsWith(`${this.own}/req/`);
    if (!expected) this.complain(`error event ${JSON.stringify({...error, message: undefined})}`);
  }
}

class Peers {
  constructor(specs) {
    this.ready = false;
    this.stopped = false;
    this.syncing = false;
    this.lastUnconfirmed = -1;
    this.devices = specs.map((spec) => new Device(spec, () => this.changed()));
    for (const device of this.devices) device.start();
    setInterval(() => this.status(), 1000);
  }

  sum(count) {
    return this.devices.reduce((total, device) => total + count(device), 0);
  }

  status() {
    const published = this.sum((device) => device.published);
    const confirmed = published - this.sum((device) => device.unconfirmed.size);
    say({event: 'status', confirmed, published, connections: this.sum((device) => device.connections)});
  }

  changed() {
    if (!this.ready && this.devices.every((device) => device.tried)) {
      this.ready = true;
      say({event: 'ready'});
    }
    if (this.stopped) this.tellStopped();
    if (this.syncing && this.devices.every((device) => !device.syncWanted)) {
      this.syncing = false;
      say({event: 'synced'});
    }
  }

  tellStopped() {
    const unconfirmed = this.sum((device) => device.unconfirmed.size);
    if (unconfirmed !== this.lastUnconfirmed) say({event: 'stopped', unconfirmed});
    this.lastUnconfirmed = unconfirmed;
  }

  stop() {
    this.stopped = true;
    for (const device of this.devices) device.publishing = false;
    this.changed();
  }

  sync() {
    this.syncing = true;
    for (const device of this.devices) device.syncAgain();
  }
}

const peers = new Peers(JSON.parse(fs.readFileSync(process.argv[2])).devices);
const quit = () => process.exit(0);
const commands = {stop: () => peers.stop(), sync: () => peers.sync(), quit};
readline
  .createInterface({input: process.stdin})
  .on('line', (line) => commands[line]?.())
  .on('close', quit);
