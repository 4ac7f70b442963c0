// Runs MQTT.js clients for the C++ end-to-end tests: one JSON object a line in, one a line out.
//
//   in   {"client": n, "op": "connect", "url", "version": 4 or 5, "clientId", "username", "password",
//         "method"?}                                       with it, the password is Authentication Data (MQTT 5)
//        {"client": n, "op": "renew", "method", "data"}    AUTH, re-authenticate; done when it has succeeded
//        {"client": n, "op": "subscribe", "filters": […]}
//        {"client": n, "op": "publish", "topic", "payload", "qos"}
//        {"client": n, "op": "end"}
//   out  {"client": n, "event": "done", "op", "error"?, "granted"?: [qos, …]}     the answer to each op
//        {"client": n, "event": "message", "topic", "payload", "qos"}
//        {"client": n, "event": "closed", "reason"?}         the reason code of the broker's DISCONNECT
//
// The program ends with its input. It knows nothing of Duet.
'use strict';

const readline = require('node:readline');
const mqtt = require('mqtt');

const clients = new Map();

function say(client, event) {
  process.stdout.write(JSON.stringify({client, ...event}) + '\n');
}

function done(client, op, error, more = {}) {
  say(client, {event: 'done', op, ...(error ? {error: String(error.message ?? error)} : {}), ...more});
}

const reauthenticate = 0x19;

function enhanced(method, data) {
  return {authenticationMethod: method, authenticationData: Buffer.from(data)};
}

function connect({client, url, version, clientId, username, password, method}) {
  const connection = mqtt.connect(url, {
    protocolVersion: version,
    clientId,
    ...(method ? {properties: enhanced(method, password)} : {username, password}),
    clean: true,
    reconnectPeriod: 0,
  });
  let answered = false;
  let reason;
  const answer = (error) => {
    if (!answered) done(client, 'connect', error);
    answered = true;
  };
  connection.on('connect', () => answer());
  connection.on('error', answer);
  connection.on('disconnect', (packet) => {
    reason = packet.reasonCode;
  });
  // MQTT.js asks here for each AUTH of the broker's. It takes an answer to any but 0x18 (continue) for a failure, so there is
  // none: an AUTH that is no question is the success.
  connection.handleAuth = () => done(client, 'renew');
  connection.on('close', () => {
    answer('closed without CONNACK');
    say(client, {event: 'closed', reason});
  });
  connection.on('message', (topic, payload, packet) => {
    say(client, {event: 'message', topic, payload: payload.toString(), qos: packet.qos});
  });
  clients.set(client, connection);
}

function subscribe({client, filters}) {
  clients.get(client).subscribe(filters, {qos: 1}, (error, granted) => {
    done(client, 'subscribe', error, {granted: (granted ?? []).map((grant) => grant.qos)});
  });
}

function publish({client, topic, payload, qos}) {
  clients.get(client).publish(topic, payload, {qos}, (error) => done(client, 'publish', error));
}

function renew({client, method, data}) {
  clients.get(client)._sendPacket({cmd: 'auth', reasonCode: reauthenticate, properties: enhanced(method, data)});
}

function end({client}) {
  clients.get(client).end(false, {}, () => done(client, 'end'));
}

const operations = {connect, subscribe, publish, renew, end};

readline.createInterface({input: process.stdin}).on('line', (line) => {
  const command = JSON.parse(line);
  operations[command.op](command);
}).on('close', () => process.exit(0));
