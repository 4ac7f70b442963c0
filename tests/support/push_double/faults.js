// What happens to requests instead of what should: planned by a test, taken in order by what it applies to. A request
// that is wrong in itself is refused for that, and takes no fault.
//
//   {"provider", "does", "token"?, "times": n or 0 for ever, "after": n}
//
// `does` is one of
//   {"do": "answer", "status", …}   not accepted. "reason" and "timestamp" (ms) are put as the provider puts them,
//                                   "retry_after" (s) and "headers" are headers, "body" is text instead of all that,
//                                   "body_bytes" a body of so many bytes. "dead": false: the token is not dead by it
//   {"do": "hang", "accept"?}       no answer, ever
//   {"do": "reset", "accept"?}      TCP reset
//   {"do": "rst", "code"?, "accept"?}  RST_STREAM, with INTERNAL_ERROR unless said
//   {"do": "goaway", "reason"?}     as it should be, and GOAWAY with this stream as the last
// and with "accept" the request has been accepted all the same.
'use strict';

class Faults {
  constructor() {
    this.plan = [];
  }

  add({provider, does, token = '', times = 1, after = 0}) {
    this.plan.push({provider, does, token, left: times === 0 ? Infinity : times, after});
  }

  clear() {
    this.plan = [];
  }

  // What to do to a request, or undefined.
  take(provider, token) {
    for (const fault of this.plan) {
      if (fault.provider !== provider || (fault.token && fault.token !== token)) continue;
      if (fault.after > 0) {
        fault.after -= 1;
        continue;
      }
      fault.left -= 1;
      if (fault.left <= 0) this.plan.splice(this.plan.indexOf(fault), 1);
      return fault.does;
    }
    return undefined;
  }
}

module.exports = {Faults};
