#include "journal/journal.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include "file_io/crash_point.h"

namespace duet {
namespace {

constexpr RecordNumber kJump = RecordNumber{1} << 32;

NodeId make_node_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, kNodeIdBytes> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    throw std::system_error(errno, std::generic_category(), "no random bytes");
  }
  std::string text;
  for (const unsigned char byte : random) text += kDigits[byte % kDigits.size()];
  return *NodeId::parse(text);
}

NodeId load_node_id(const std::filesystem::path& directory) {
  const auto path = directory / "node";
  if (!std::filesystem::exists(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (parse_segment_file_name(entry.path().filename().string())) {
        throw JournalError(path.string() + " is missing, though there are segments");
      }
    }
    NodeId node = make_node_id();
    write_file_atomically(path, node.str());
    return node;
  }
  const auto node = NodeId::parse(read_file(path));
  if (!node || node->str().size() != kNodeIdBytes) throw JournalError(path.string() + " is damaged");
  return *node;
}

std::filesystem::path boot_file(const JournalOptions& options) {
  return options.directory / "boot";
}

const std::filesystem::path& made(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  sync_directory(directory.parent_path());  // else a power cut takes the whole journal
  return directory;
}

bool was_booted(const JournalOptions& options) {
  const auto file = boot_file(options);
  return !std::filesystem::exists(file) || read_file(file) != options.boot_id;
}

std::string at_offset(const Segment& segment, const SegmentDamage& damage) {
  return segment.path.string() + ", offset " + std::to_string(damage.offset) + " (" +
         std::string(to_string(damage.error)) + ")";
}

}  // namespace

Journal::Journal(JournalOptions options)
    : options_(std::move(options)),
      lock_(made(options_.directory)),
      node_(load_node_id(options_.directory)),
      booted_(was_booted(options_)) {
  DUET_CRASH_POINT("journal.opening.node");
  const bool first_time = !open_segments();
  if (options_.sync == JournalSync::interval) {
    sync_thread_ = std::make_unique<SyncThread>(options_.sync_interval);
  }
  // The segment that stands for a jump must be on disk before the boot is remembered: else a power cut could
  // take the jump back, and the same numbers would be given twice.
  if (first_time) {
    start_segment(1, Durability::durable);
  } else if (booted_ || tail_was_cut_) {
    start_segment(next_ + kJump, Durability::durable);
  } else {
    continue_segment();
  }
  DUET_CRASH_POINT("journal.opening.boot");
  if (booted_) write_file_atomically(boot_file(options_), options_.boot_id);
}

bool Journal::open_segments() {
  const auto found = list_segments(options_.directory);
  // Numbers and jumps beyond would wrap around. No journal of ours comes near: the file is not ours.
  if (!found.empty() && found.back() > kMaxSeq) {
    throw JournalError((options_.directory / segment_file_name(found.back())).string() +
                       " is numbered higher than a journal counts");
  }
  for (const RecordNumber first : found) {
    // No number that a lost record may have had is given again.
    next_ = std::max(next_, first);
    if (ended_) {
      set_aside(options_.directory / segment_file_name(first), "it comes after what is missing");
    } else {
      add_scanned(first, first == found.back());
    }
  }
  return !found.empty();
}

void Journal::add_scanned(RecordNumber first, bool newest) {
  const auto path = options_.directory / segment_file_name(first);
  const auto scan = scan_segment(path, node_, first);
  if (!scan) {
    // The newest may have been torn when it was made: it holds nothing then.
    const bool empty = !holds_any_record(path);
    if (!may_lack_records() && !(newest && empty)) {
      throw JournalError(path.string() + ", offset 0 (not a segment of this journal)");
    }
    if (!empty) return set_aside(path, "it has no header");
    std::filesystem::remove(path);
    repairs_.push_back("removed " + path.string() + ": torn when it was made");
    tail_was_cut_ = true;
    ended_ = true;
    return;
  }
  if (!segments_.empty() && segments_.back().last != scan->segment.previous) {
    if (may_lack_records()) return set_aside(path, "records before it are missing");
    throw JournalError("a segment is missing between " + segments_.back().path.string() + " and " +
                       path.string());
  }
  if (scan->damage) {
    if (!may_lack_records() && (!newest || scan->damage->whole_record_follows)) {
      throw JournalError("damaged record in " + at_offset(scan->segment, *scan->damage));
    }
    if (scan->damage->whole_record_follows) keep_copy(scan->segment, *scan->damage);
    cut_tail(scan->segment, *scan->damage);
  }
  segments_.push_back(scan->segment);
  next_ = std::max(next_, scan->segment.last + 1);
}

void Journal::set_aside(const std::filesystem::path& path, const std::string& why) {
  const auto lost = path.string() + ".lost";
  std::filesystem::rename(path, lost);
  repairs_.push_back("the power cut took records: " + path.string() + " is now " + lost + ", since " + why);
  tail_was_cut_ = true;
  ended_ = true;
}

void Journal::keep_copy(const Segment& segment, const SegmentDamage& damage) {
  const auto lost = segment.path.string() + "." + std::to_string(damage.offset) + ".lost";
  write_file_atomically(lost, std::string_view(read_file(segment.path)).substr(damage.offset));
  repairs_.push_back("the power cut took records: what follows " + at_offset(segment, damage) +
                     " is now in " + lost);
}

void Journal::cut_tail(const Segment& segment, const SegmentDamage& damage) {
  File file(segment.path, File::Mode::update);
  auto error = file.truncate(segment.bytes);
  if (!error) error = file.sync_data();
  if (error) throw std::system_error(error, "cannot cut " + segment.path.string());
  repairs_.push_back("cut a torn record off " + at_offset(segment, damage));
  tail_was_cut_ = true;
  ended_ = true;
  DUET_CRASH_POINT("journal.opening.cut");
}

void Journal::start_segment(RecordNumber first, Durability durability) {
  DUET_CRASH_POINT("journal.segment.before");
  const auto path = options_.directory / segment_file_name(first);
  const RecordNumber previous = segments_.empty() ? 0 : segments_.back().last;
  auto file = std::make_shared<File>(path, File::Mode::create);
  auto error = file->write_at(0, encode_segment_header({node_, first, previous}));
  if (!error && durability == Durability::durable) error = file->sync_data();
  if (error) {
    std::error_code ignored;  // an empty file is repaired at the next opening just as well
    std::filesystem::remove(path, ignored);
    throw std::system_error(error, "cannot write " + path.string());
  }
  if (durability == Durability::durable) sync_directory(options_.directory);
  DUET_CRASH_POINT("journal.segment.header");
  segments_.push_back({path, first, previous, previous, kSegmentHeaderBytes});
  next_ = first;
  newest_ = std::move(file);
  if (sync_thread_) sync_thread_->follow(newest_);
  DUET_CRASH_POINT("journal.segment.after");
}

void Journal::continue_segment() {
  newest_ = std::make_shared<File>(segments_.back().path, File::Mode::update);
  if (sync_thread_) sync_thread_->follow(newest_);
}

std::optional<std::string> Journal::make_room(std::size_t bytes) {
  const Segment& newest = segments_.back();
  if (newest.empty() || newest.bytes + bytes <= options_.segment_bytes) return std::nullopt;
  try {
    const bool durable = options_.sync != JournalSync::none;
    start_segment(next_, durable ? Durability::durable : Durability::cached);
  } catch (const std::system_error& e) {  // a full disk: this publish is refused, the next one tries again
    return e.what();
  }
  return std::nullopt;
}

std::error_code Journal::write_record() {
  DUET_CRASH_POINT("journal.append.before");
  DUET_CRASH_POINT_AFTER("journal.append.half",
                         newest_->write_at(segments_.back().bytes, buffer_.substr(0, buffer_.size() / 2)));
  auto error = newest_->write_at(segments_.back().bytes, buffer_);
  DUET_CRASH_POINT("journal.append.written");
  if (!error && options_.sync == JournalSync::always) error = newest_->sync_data();
  return error;
}

Result<RecordNumber, std::string> Journal::append(RecordView record) {
  if (const auto error = sync_failure()) {
    return Failure<std::string>("the journal cannot be synced: " + error.message());
  }
  record.n = next_;
  buffer_.clear();
  encode_record(record, buffer_);
  if (auto error = make_room(buffer_.size())) return Failure<std::string>(*std::move(error));

  Segment& segment = segments_.back();
  if (const auto error = write_record()) {
    // Should this fail too, the remains lie where the next record is written, or are a torn tail.
    std::string message = segment.path.string() + ": " + error.message();
    if (const auto cut = newest_->truncate(segment.bytes)) message += "; cannot cut: " + cut.message();
    return Failure<std::string>(std::move(message));
  }
  segment.bytes += buffer_.size();
  segment.last = next_;
  if (sync_thread_) sync_thread_->written();
  DUET_CRASH_POINT("journal.append.after");
  return next_++;
}

void Journal::jump_to(RecordNumber n) {
  start_segment(n, Durability::durable);
}

std::error_code Journal::sync_failure() const {
  return sync_thread_ ? sync_thread_->failure() : std::error_code();
}

JournalPosition Journal::seek(RecordNumber n) const {
  const Segment& oldest = segments_.front();
  if (n <= oldest.previous) return {oldest.previous, false, oldest.first, kSegmentHeaderBytes};
  const auto above =
      std::find_if(segments_.begin(), segments_.end(), [n](const Segment& s) { return s.last >= n; });
  if (above == segments_.end()) return {last(), true, segments_.back().first, segments_.back().bytes};
  JournalPosition position{above->previous, true, above->first, kSegmentHeaderBytes};
  if (n <= above->first) return position;

  const std::string bytes = read_file(above->path);
  while (position.after + 1 < n) {
    const auto place = scan_record(std::string_view(bytes).substr(std::min(position.offset, bytes.size())));
    if (!place) {
      throw JournalError("damaged record in " + at_offset(*above, {position.offset, place.error(), false}));
    }
    position.after = place->n;
    position.offset += place->bytes;
  }
  return position;
}

std::size_t Journal::find_segment(const JournalPosition& position) const {
  // The segment of the position, or, when it has been removed or read to its end, the one that follows.
  const auto at = std::find_if(segments_.begin(), segments_.end(), [&position](const Segment& s) {
    return s.last > position.after && (s.first != position.segment || position.offset < s.bytes);
  });
  return static_cast<std::size_t>(at - segments_.begin());
}

const File& Journal::file_of(const Segment& segment) {
  if (segment.first == segments_.back().first) return *newest_;
  if (!reading_ || reading_->path() != segment.path) {
    reading_ = std::make_unique<File>(segment.path, File::Mode::read);
  }
  return *reading_;
}

JournalBatch Journal::read(const JournalPosition& position, std::size_t max_bytes) {
  JournalBatch batch{{}, 0, position};
  const std::size_t index = find_segment(position);
  if (index == segments_.size()) return batch;
  const Segment& segment = segments_[index];
  batch.next.segment = segment.first;
  if (segment.first != position.segment) batch.next.offset = kSegmentHeaderBytes;
  batch.next.after_is_known = true;

  const File& file = file_of(segment);
  const std::size_t available = segment.bytes - batch.next.offset;
  file.read_at(batch.next.offset, std::min(available, max_bytes), batch.records);
  auto place = scan_record(batch.records);
  if (!place && place.error() == DecodeError::truncated && batch.records.size() < available) {
    file.read_at(batch.next.offset, std::min(available, kRecordHeaderBytes + kMaxRecordBytes), batch.records);
    place = scan_record(batch.records);
  }
  std::size_t used = 0;
  while (place && (used == 0 || used + place->bytes <= max_bytes)) {
    used += place->bytes;
    batch.next.after = place->n;
    ++batch.count;
    place = scan_record(std::string_view(batch.records).substr(used));
  }
  batch.next.offset += used;
  if (used == 0) {
    throw JournalError("damaged record in " + at_offset(segment, {batch.next.offset, place.error(), false}));
  }
  batch.records.resize(used);
  return batch;
}

std::error_code Journal::committed(RecordNumber n) {
  std::error_code error;
  while (segments_.size() > 1 && segments_.front().last <= n) {
    // Oldest first, and no further after a failure: a hole would be taken for damage at the next opening.
    DUET_CRASH_POINT("journal.removal.before");
    std::filesystem::remove(segments_.front().path, error);
    if (error) return error;
    DUET_CRASH_POINT("journal.removal.after");
    segments_.pop_front();
  }
  return error;
}

}  // namespace duet
