// The receiver's side of RFC 8291 (and RFC 8188): what a browser does with a push message.
'use strict';

const crypto = require('node:crypto');

const kHeaderBytes = 16 + 4 + 1 + 65;
const kTagBytes = 16;

class Unreadable extends Error {}

function hkdf(salt, key, info, bytes) {
  return Buffer.from(crypto.hkdfSync('sha256', key, salt, info, bytes));
}

// `receiver`: an ECDH of the subscription's key; `secret`: its auth. Throws Unreadable.
function decrypt(body, receiver, secret) {
  if (body.length < kHeaderBytes + kTagBytes + 1) throw new Unreadable('too short');
  const salt = body.subarray(0, 16);
  const recordBytes = body.readUInt32BE(16);
  if (body[20] !== 65) throw new Unreadable('idlen is not 65');
  const sender = body.subarray(21, kHeaderBytes);
  const sealed = body.subarray(kHeaderBytes);
  if (recordBytes < 18 || sealed.length > recordBytes) throw new Unreadable('more than one record');

  let shared;
  try {
    shared = receiver.computeSecret(sender);
  } catch {
    throw new Unreadable("the sender's key is no point of P-256");
  }
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), receiver.getPublicKey(), sender]);
  const ikm = hkdf(secret, shared, info, 32);
  const key = hkdf(salt, ikm, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const nonce = hkdf(salt, ikm, Buffer.from('Content-Encoding: nonce\0'), 12);
  return unpadded(open(sealed, key, nonce));
}

function open(sealed, key, nonce) {
  const decipher = crypto.createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(sealed.subarray(sealed.length - kTagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - kTagBytes)), decipher.final()]);
  } catch {
    throw new Unreadable('not for this receiver, or changed');
  }
}

// RFC 8188 2: the last record ends with 2 and any number of zeros.
function unpadded(text) {
  let end = text.length - 1;
  while (end >= 0 && text[end] === 0) end -= 1;
  if (end < 0 || text[end] !== 2) throw new Unreadable('no delimiter of a last record');
  return text.subarray(0, end);
}

// Whether it is a message in base64url that was encrypted to somebody.
function isSealed(text) {
  if (!/^[\w-]+$/.test(text)) return false;
  const body = Buffer.from(text, 'base64url');
  return body.length > kHeaderBytes + kTagBytes && body[20] === 65 && body[21] === 4;
}

module.exports = {decrypt, isSealed, Unreadable};
