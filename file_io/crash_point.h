// file_io/crash_point.h: named places at which a test has a process die as by kill -9.
//
//   DUET_CRASH_AT=name[:nth]    the point, and at which pass of it the process dies (the first)
//   DUET_CRASH_COUNTER=file     three little-endian u64 {passes so far, pass to die at, process that was to
//                               die}, in place of `nth` and of a count that begins anew with each process. It
//                               outlives restarts, so that the process dies once; writing {0, n, 0} arms the
//                               point again. n = 0: never.
//
// Test builds only (CMake option DUET_CRASH_POINTS): otherwise a point is checked to be in the table, and
// leaves nothing in the program. The one place below `main` that reads the environment: a point must stand
// anywhere without being handed there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace duet {

enum class CrashProgram : std::uint8_t { broker, store, restore, client };
std::string_view constexpr to_string(CrashProgram program) {
  if (program == CrashProgram::broker) return "broker";
  if (program == CrashProgram::restore) return "restore";
  return program == CrashProgram::store ? "store" : "client";
}

struct CrashPoint {
  std::string_view name;
  CrashProgram program;
  std::string_view stands;  // where
};

inline constexpr auto kCrashPoints = std::to_array<CrashPoint>({
    {"journal.opening.node", CrashProgram::broker, "the node file is there, no segment is open"},
    {"journal.opening.cut", CrashProgram::broker, "a torn record was cut off, the jump is not made"},
    {"journal.opening.boot", CrashProgram::broker, "segments are open, the boot is not remembered"},
    {"journal.append.before", CrashProgram::broker, "nothing of the record is written"},
    {"journal.append.half", CrashProgram::broker, "half of the record is written"},
    {"journal.append.written", CrashProgram::broker, "the record is written, not synced"},
    {"journal.append.after", CrashProgram::broker, "the record is in the journal"},
    {"journal.segment.before", CrashProgram::broker, "a new segment is due"},
    {"journal.segment.header", CrashProgram::broker, "its header is written, the journal does not use it"},
    {"journal.segment.after", CrashProgram::broker, "the journal goes on in it"},
    {"journal.removal.before", CrashProgram::broker, "a committed segment is due to go"},
    {"journal.removal.after", CrashProgram::broker, "it is gone"},
    {"intake.appended", CrashProgram::broker, "the record is in the journal, PUBACK is not sent"},
    {"feeder.frame.before", CrashProgram::broker, "an ingest frame is read from the journal"},
    {"feeder.frame.after", CrashProgram::broker, "it is given to the broker"},
    {"feeder.from", CrashProgram::broker, "the store has said where to go on"},
    {"feeder.committed", CrashProgram::broker, "the store has said what it has"},
    {"fanout.before", CrashProgram::broker, "a deliver frame has come"},
    {"fanout.between", CrashProgram::broker, "some of its deliveries are published"},
    {"fanout.after", CrashProgram::broker, "all are published, PUBACK is not sent"},
    {"migration.commit.before", CrashProgram::store, "the schema is made, not committed"},
    {"migration.commit.after", CrashProgram::store, "it is committed"},
    {"session.begin", CrashProgram::store, "connected, nothing said"},
    {"session.redeliver", CrashProgram::store, "the blocks are told, nothing is delivered again"},
    {"session.redelivered", CrashProgram::store, "what may have been missed is delivered again"},
    {"session.hello", CrashProgram::store, "a journal's hello is read, not answered"},
    {"ingest.received", CrashProgram::store, "a frame has come from the broker"},
    {"ingest.begin", CrashProgram::store, "before the transaction"},
    {"ingest.applied", CrashProgram::store, "frames are applied, the transaction is open"},
    {"ingest.mark", CrashProgram::store, "before the delivered mark is stored"},
    {"ingest.commit.before", CrashProgram::store, "all is applied"},
    {"sqlite.commit.before", CrashProgram::store, "caches are written, before COMMIT"},
    {"sqlite.commit.after", CrashProgram::store, "after COMMIT, before the caches know"},
    {"ingest.commit.after", CrashProgram::store, "after the commit, before anybody hears of it"},
    {"deliver.before", CrashProgram::store, "before the first deliver frame"},
    {"deliver.between", CrashProgram::store, "between two deliver frames"},
    {"deliver.after", CrashProgram::store, "frames are published, the journal is not told"},
    {"deliver.told", CrashProgram::store, "the journal is told"},
    {"reply.before", CrashProgram::store, "a request is answered, the reply is not published"},
    {"restore.copied", CrashProgram::restore, "the copy of the backup is made, with the backup's epoch"},
    {"restore.epoch", CrashProgram::restore, "the copy has its new epoch"},
    {"restore.settled", CrashProgram::restore, "the old database has what was in its write-ahead log"},
    {"restore.aside", CrashProgram::restore, "the old database has a second name"},
    {"restore.logs", CrashProgram::restore, "its write-ahead log is gone"},
    {"restore.published", CrashProgram::restore, "the copy has taken its place, nobody is told"},
    {"client.outbox.written", CrashProgram::client, "the message is in the outbox"},
    {"client.publish.before", CrashProgram::client, "before the message is published"},
    {"client.publish.after", CrashProgram::client, "it is published"},
    {"client.puback", CrashProgram::client, "PUBACK has come"},
    {"client.outbox.remove", CrashProgram::client,
     "`sent` or a refusal has come, the outbox has the message"},
    {"client.outbox.removed", CrashProgram::client, "the outbox has it no more, nobody is told"},
    {"client.save.before", CrashProgram::client, "cursor and marks are written, not committed"},
    {"client.save.after", CrashProgram::client, "they are committed"},
    {"client.told.before", CrashProgram::client, "before the application is told of a message"},
    {"client.told.after", CrashProgram::client, "it is told, the place is not saved"},
});

// The index of the point. A name that is not in the table does not compile.
consteval std::size_t crash_point(std::string_view name) {
  std::size_t index = 0;
  while (kCrashPoints.at(index).name != name) ++index;
  return index;
}

#ifdef DUET_CRASH_POINTS
// Counts a pass of the point. Returns whether this is the one to die at. Any thread.
bool crash_point_due(std::size_t point) noexcept;
// Sends this process SIGKILL.
[[noreturn]] void crash_now() noexcept;

#define DUET_CRASH_POINT(name) DUET_CRASH_POINT_AFTER(name, static_cast<void>(0))
// Does `action` before it dies, and only then.
#define DUET_CRASH_POINT_AFTER(name, action)                  \
  do {                                                        \
    if (::duet::crash_point_due(::duet::crash_point(name))) { \
      action;                                                 \
      ::duet::crash_now();                                    \
    }                                                         \
  } while (false)
#else
#define DUET_CRASH_POINT(name) static_cast<void>(::duet::crash_point(name))
#define DUET_CRASH_POINT_AFTER(name, action) DUET_CRASH_POINT(name)
#endif

}  // namespace duet
