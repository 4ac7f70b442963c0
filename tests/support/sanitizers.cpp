// What ThreadSanitizer reports of the foreign SDKs that the tests use as they are, and we cannot change.
//
//   Paho C++ 1.2.0: see mqtt_link/sanitizers.cpp. Here it is used without our care, so all of it is left out;
//   with what a test's own link needs, whose list this one replaces.
//
//   libmosquitto 2.0.11 unlocks a mutex twice when the broker ends the connection.

// The names are the sanitizer's. NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
#if defined(__SANITIZE_THREAD__)
// The linker is told to look for this one, and finds the other beside it.
extern "C" void duet_test_suppressions();
extern "C" void duet_test_suppressions() {}

extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "deadlock:libpaho-mqtt3as.so\n"
         "race:libpaho-mqttpp3.so\n"
         "race:mqtt::async_client::remove_token\n"
         "race:mqtt::delivery_token::~delivery_token\n"
         "mutex:libmosquitto.so\n";
}
#endif
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
