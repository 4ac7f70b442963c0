// Chromium without a window, driven by the DevTools protocol on a pipe (JSON, each message ended by NUL). It ends when
// asked, and with this process, whose end of the pipe then closes.
'use strict';

const {spawn} = require('node:child_process');

// It loads nothing but our own page: without a sandbox, which root cannot have.
const kSwitches = [
  '--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
  '--no-first-run', '--disable-extensions', '--disable-component-update', '--disable-background-networking',
  '--disable-sync', '--password-store=basic',
];

class Chromium {
  // `profile`: a directory of its own.
  constructor(profile, switches) {
    this.asked = 0;
    this.closing = false;
    this.answers = new Map(); // by number: {resolve, reject}
    this.events = new Map(); // by session and name: what is called
    this.process = spawn('chromium', [...kSwitches, ...switches, `--user-data-dir=${profile}`, 'about:blank'],
      {stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe']});
    this.ended = new Promise((resolve, reject) => this.process.once('exit', resolve).once('error', reject));
    const [, , , commands, answers] = this.process.stdio;
    this.commands = commands.on('error', () => {});
    let unread = '';
    answers.setEncoding('utf8').on('data', (chunk) => {
      const messages = (unread + chunk).split('\0');
      unread = messages.pop();
      for (const message of messages) this.said(JSON.parse(message));
    });
  }

  said({id, result, error, method, sessionId}) {
    if (id === undefined) {
      this.events.get(`${sessionId} ${method}`)?.();
      return;
    }
    const {resolve, reject} = this.answers.get(id);
    this.answers.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  ask(method, params = {}, sessionId = undefined) {
    const id = ++this.asked;
    this.commands.write(`${JSON.stringify({id, method, params, sessionId})}\0`);
    return new Promise((resolve, reject) => this.answers.set(id, {resolve, reject}));
  }

  // Opens a page that may show notifications. Returns what evaluates an expression there, and awaits its promise.
  async open(url) {
    await this.ask('Browser.grantPermissions', {origin: new URL(url).origin, permissions: ['notifications']});
    const {targetId} = await this.ask('Target.createTarget', {url: 'about:blank'});
    const {sessionId} = await this.ask('Target.attachToTarget', {targetId, flatten: true});
    await this.ask('Page.enable', {}, sessionId);
    const loaded = new Promise((resolve) => this.events.set(`${sessionId} Page.loadEventFired`, resolve));
    await this.ask('Page.navigate', {url}, sessionId);
    await loaded;
    return async (expression) => {
      const asked = {expression, awaitPromise: true, returnByValue: true};
      const {result, exceptionDetails} = await this.ask('Runtime.evaluate', asked, sessionId);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
  }

  async close() {
    this.closing = true;
    await this.ask('Browser.close');
    await this.ended;
  }
}

module.exports = {Chromium};
