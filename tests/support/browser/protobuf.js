// Protocol buffers, as far as Chromium's push service needs them (protobuf.dev/programming-guides/encoding).
'use strict';

function varint(number) {
  const bytes = [];
  let rest = BigInt(number);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

// The number at `offset` and where it ends; undefined if it is not all there.
function readVarint(buffer, offset) {
  let value = 0n;
  for (let at = offset; at < buffer.length; ++at) {
    value |= BigInt(buffer[at] & 127) << BigInt(7 * (at - offset));
    if (buffer[at] < 128) return {value: Number(value), end: at + 1};
  }
  return undefined;
}

// One field each: its number and type, and the value.
const encoded = (field, type, value) => Buffer.concat([varint((field << 3) | type), value]);
const number = (field, value) => encoded(field, 0, varint(value));
const bytes = (field, value) => encoded(field, 2, Buffer.concat([varint(value.length), value]));
const text = (field, value) => bytes(field, Buffer.from(value));

function fixed64(field, value) {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64LE(value);
  return encoded(field, 1, eight);
}

module.exports = {varint, readVarint, number, bytes, text, fixed64};
