// What Google is to a Chromium that receives pushes, on loopback: the check-in of the device, the registration of
// subscriptions, and the connection that messages come by (MCS: protocol buffers on TLS, each after its tag and size). What
// an application server has posted is passed on as it came: only the browser can read it.
//
// Numbers of fields: google_apis/gcm/protocol/{checkin,mcs}.proto of Chromium.
'use strict';

const http = require('node:http');
const tls = require('node:tls');
const {varint, readVarint, number, bytes, text, fixed64} = require('./protobuf');

const kVersion = 41;
const kHeartbeatPing = 0;
const kHeartbeatAck = 1;
const kLoginRequest = 2;
const kLoginResponse = 3;
const kDataMessage = 8;

const kDevice = 0x0123456789abcdefn;
const kDeviceSecret = 0x1122334455667788n;

class Google {
  // `certificate`: {cert, key} of what listens.
  constructor(certificate) {
    this.certificate = certificate;
    this.registrations = new Map(); // by token: {app, sender, category}
    this.messages = []; // as they are sent
    this.socket = undefined; // of the browser that has logged in
  }

  // Returns the switches that send Chromium here.
  async start() {
    const web = http.createServer((request, response) => this.asked(request, response));
    const stream = tls.createServer(this.certificate, (socket) => this.opened(socket));
    const [webPort, streamPort] = await Promise.all([web, stream].map(listening));
    return [
      `--gcm-checkin-url=http://127.0.0.1:${webPort}/checkin`,
      `--gcm-registration-url=http://127.0.0.1:${webPort}/register`,
      `--gcm-mcs-endpoint=https://127.0.0.1:${streamPort}`,
    ];
  }

  async asked(request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.url === '/checkin') return response.end(checkedIn());
    const form = new URLSearchParams(body);
    if (request.url !== '/register' || form.get('device') !== String(kDevice)) return response.writeHead(404).end();
    const token = `of-registration-${this.registrations.size + 1}`;
    this.registrations.set(token, {app: form.get('X-subtype'), sender: form.get('sender'), category: form.get('app')});
    return response.end(`token=${token}`);
  }

  opened(socket) {
    let unread = Buffer.alloc(0);
    let started = false; // after the version
    socket.on('error', () => {}).on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      if (!started) unread = unread.subarray(1);
      started = true;
      for (let first = firstOf(unread); first; first = firstOf(unread)) {
        unread = first.rest;
        this.received(socket, first.tag);
      }
    });
  }

  // Chromium opens its first connection anew at once: what went to the old one is sent again.
  received(socket, tag) {
    if (tag === kHeartbeatPing) socket.write(framed(kHeartbeatAck, Buffer.alloc(0)));
    if (tag !== kLoginRequest) return;
    socket.write(Buffer.concat([Buffer.from([kVersion]), framed(kLoginResponse, text(1, 'chromium'))]));
    for (const message of this.messages) socket.write(message);
    this.socket = socket;
  }

  // To the browser, what came for the subscription of that token.
  deliver(token, body) {
    const {app, sender, category} = this.registrations.get(token);
    const id = `message-${this.messages.length + 1}`;
    const also = (name, value) => bytes(7, Buffer.concat([text(1, name), text(2, value)]));
    const message = framed(kDataMessage, Buffer.concat([
      text(2, id), text(3, sender), text(5, category), also('subtype', app), also('content-encoding', 'aes128gcm'),
      text(9, id), number(17, 3600), number(18, Date.now()), bytes(21, body),
    ]));
    this.messages.push(message);
    this.socket?.write(message);
  }
}

function listening(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

function checkedIn() {
  return Buffer.concat([number(1, 1), number(3, Date.now()), fixed64(7, kDevice), fixed64(8, kDeviceSecret), number(9, 1)]);
}

const framed = (tag, message) => Buffer.concat([Buffer.from([tag]), varint(message.length), message]);

// The first message of what was received; undefined if it is not all there yet.
function firstOf(unread) {
  const size = readVarint(unread, 1);
  if (!size || unread.length < size.end + size.value) return undefined;
  return {tag: unread[0], rest: unread.subarray(size.end + size.value)};
}

module.exports = {Google};
