// journal/journal.h: the accepted publishes of one partition, on disk until the store has committed
// them.
//
//   <directory>/node        the journal's identity, made once (NodeId)
//   <directory>/boot        the boot id of the machine when the journal was last opened
//   <directory>/*.seg       segments, see journal/segment.h
//
// Numbers ascend by one, except that they jump by 2^32 when the machine was booted anew or a torn record was
// cut off: a lost tail may have held records that the store has committed, and their numbers must not name
// others. docs/adr/0002-journal-numbers.md.
//
// What is not whole: a torn last record is cut off. Damage before that stops the opening, with its place; but
// after a power cut, unless every record was synced, parts of what was written last may be missing in any
// order. Then the journal ends before the first of them, and the rest is set aside in files named *.lost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "file_io/directory_lock.h"
#include "file_io/file.h"
#include "journal/segment.h"
#include "journal/sync_thread.h"
#include "protocol/frame.h"
#include "protocol/result.h"

namespace duet {

enum class JournalSync : std::uint8_t {
  none,      // outlives kill -9 of every process, not a power cut
  interval,  // a power cut takes at most the last interval
  always,    // append returns after the disk has it
};

struct JournalOptions {
  std::filesystem::path directory;  // made if it is not there
  std::string boot_id;              // what the kernel calls this boot
  std::size_t segment_bytes = std::size_t{16} * 1024 * 1024;
  JournalSync sync = JournalSync::none;
  std::chrono::milliseconds sync_interval{100};
};

// The journal is damaged or in use; the text names the file and, if there is one, the offset.
class JournalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A place between two records.
struct JournalPosition {
  RecordNumber after = 0;      // the record before
  bool after_is_known = true;  // false: records before this place are gone that somebody asked for
  RecordNumber segment = 0;    // the segment that the next record is in, by its first number
  std::size_t offset = 0;      // in its file
};

// Records as they stand in the file, and the place after them.
struct JournalBatch {
  std::string records;
  std::uint32_t count = 0;
  JournalPosition next;
};

// Used by the broker's thread alone.
class Journal {
 public:
  // Throws JournalError, std::system_error or std::runtime_error (the directory is in use).
  explicit Journal(JournalOptions options);

  // Writes the record under the next number, whatever `record.n` says, and returns that number. The error is
  // a sentence; then nothing was written.
  Result<RecordNumber, std::string> append(RecordView record);

  const NodeId& node() const { return node_; }
  // The last record, or, without any, the number before which none will come.
  RecordNumber last() const { return segments_.back().last; }
  // The number that the next record gets. More than last() + 1 after a jump.
  RecordNumber next_number() const { return next_; }
  // Makes `n` the next number. Precondition: n > next_number(). Throws std::system_error.
  void jump_to(RecordNumber n);

  // The place before the first record that is numbered `n` or higher.
  JournalPosition seek(RecordNumber n) const;
  // Records from `position` on, at most `max_bytes` of them but at least one if there is one. Throws
  // JournalError when the file does not hold what was written.
  JournalBatch read(const JournalPosition& position, std::size_t max_bytes);

  // The store has everything up to `n`: segments that lie below are removed, never the newest.
  std::error_code committed(RecordNumber n);

  // What opening had to repair, for the log.
  const std::vector<std::string>& repairs() const { return repairs_; }
  // An error of the sync thread. No append succeeds after it.
  std::error_code sync_failure() const;

  std::size_t segment_count() const { return segments_.size(); }

 private:
  enum class Durability : std::uint8_t { cached, durable };

  // Returns false when there were none.
  bool open_segments();
  void add_scanned(RecordNumber first, bool newest);
  // Whether what stands in the files may lack parts that nobody promised to keep.
  bool may_lack_records() const { return booted_ && options_.sync != JournalSync::always; }
  void set_aside(const std::filesystem::path& path, const std::string& why);
  void keep_copy(const Segment& segment, const SegmentDamage& damage);
  void cut_tail(const Segment& segment, const SegmentDamage& damage);
  void start_segment(RecordNumber first, Durability durability);
  void continue_segment();
  std::optional<std::string> make_room(std::size_t bytes);
  std::error_code write_record();
  std::size_t find_segment(const JournalPosition& position) const;
  const File& file_of(const Segment& segment);

  const JournalOptions options_;
  DirectoryLock lock_;
  NodeId node_;
  bool booted_;  // the machine was, since the journal was last opened
  std::vector<std::string> repairs_;
  bool tail_was_cut_ = false;
  bool ended_ = false;  // while opening: nothing more belongs to the journal
  // Invariant: never empty; ascending; each `previous` is the `last` of the one before.
  std::deque<Segment> segments_;
  RecordNumber next_ = 1;
  std::shared_ptr<File> newest_;   // the file of segments_.back()
  std::unique_ptr<File> reading_;  // the file that was read last, if it is not the newest
  std::string buffer_;             // keeps its capacity between appends
  std::unique_ptr<SyncThread> sync_thread_;
};

}  // namespace duet
