// Does the double catch what it is there to catch? A good sender, who has nothing against him, and one for each thing
// that can be wrong. Run by ctest; by hand: node selftest.js
'use strict';

require('./selftest/google');
require('./selftest/attempts');
require('./selftest/apple');
require('./selftest/webpush');
