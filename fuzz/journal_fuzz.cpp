// Recovery of a journal from damaged files. Input: a byte of flags, then files: two bytes with the size, and
// the content.
//
//   1  the header's checksum is made right      4  the machine has been booted since
//   2  so are the checksums of the records      8  a file is named by its header, else 1, 100, 199 …
//   16 the journal is synced always
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/checksums.h"
#include "fuzz/fuzz.h"
#include "journal/journal.h"
#include "tests/unit/temporary_directory.h"

namespace duet::fuzz {
namespace {

constexpr unsigned kSumHeaders = 1;
constexpr unsigned kSumRecords = 2;
constexpr unsigned kBooted = 4;
constexpr unsigned kNamedByHeader = 8;
constexpr unsigned kSyncedAlways = 16;
constexpr std::size_t kMaxFiles = 4;
constexpr RecordNumber kNameStep = 99;

using Files = std::map<RecordNumber, std::string>;  // segments, by the number in their names

const std::filesystem::path& directory() {
  static const TemporaryDirectory temporary;
  return temporary.path();
}

Files read_files(Input& input, unsigned flags) {
  Files files;
  for (std::size_t i = 0; i < kMaxFiles && !input.empty(); ++i) {
    std::string content(input.take(input.two_bytes()));
    if ((flags & kSumHeaders) != 0) sum_segment_header(content);
    if ((flags & kSumRecords) != 0) sum_records(content, kSegmentHeaderBytes);
    const auto header = decode_segment_header(content);
    const bool named = header && (flags & kNamedByHeader) != 0;
    files[named ? header->first : 1 + i * kNameStep] = std::move(content);
  }
  return files;
}

void write_file(const std::string& name, std::string_view content) {
  File file(directory() / name, File::Mode::create);
  require(!file.write_at(0, content), "a file can be written");
}

void write_directory(const Files& files, bool booted) {
  for (const auto& entry : std::filesystem::directory_iterator(directory())) {
    std::filesystem::remove(entry.path());
  }
  write_file("node", std::string(kNodeIdBytes, 'a'));
  write_file("boot", booted ? "before" : "now");
  for (const auto& [first, content] : files) write_file(segment_file_name(first), content);
}

Files files_there() {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(directory())) {
    if (const auto first = parse_segment_file_name(entry.path().filename().string())) {
      files[*first] = read_file(entry.path());
    }
  }
  return files;
}

// Nothing when the journal refuses to open; then it must say where the damage is and alter nothing.
std::optional<Journal> open_journal(const Files& before, JournalSync sync) {
  try {
    return std::optional<Journal>(
        std::in_place,
        JournalOptions{.directory = directory(), .boot_id = "now", .segment_bytes = 256, .sync = sync});
  } catch (const JournalError& error) {
    require(std::string_view(error.what()).find(directory().string()) != std::string_view::npos,
            "a refusal names the file");
    require(files_there() == before, "a refusal alters nothing");
    return std::nullopt;
  }
}

// The whole records that stand at the start of each file, numbered without holes.
std::string intact_records(const Files& files) {
  std::string records;
  for (const auto& [first, content] : files) {
    RecordNumber expected = first;
    auto rest = std::string_view(content).substr(std::min(content.size(), kSegmentHeaderBytes));
    while (const auto place = scan_record(rest)) {
      if (place->n != expected++) break;
      records += rest.substr(0, place->bytes);
      rest.remove_prefix(place->bytes);
    }
  }
  return records;
}

std::string all_records(Journal& journal) {
  std::string records;
  auto position = journal.seek(0);
  while (true) {
    auto batch = journal.read(position, kMaxIngestFrameBytes);
    if (batch.count == 0) return records;
    records += batch.records;
    position = batch.next;
  }
}

std::vector<RecordNumber> numbers_of(std::string_view records) {
  std::vector<RecordNumber> numbers;
  while (const auto place = scan_record(records)) {
    numbers.push_back(place->n);
    records.remove_prefix(place->bytes);
  }
  require(records.empty(), "a batch holds whole records");
  return numbers;
}

// Appends a record, and to `records` what must now be read.
void append(Journal& journal, std::string& records) {
  RecordView view{0, Timestamp(), RecordKind::message, "alice", "phone", "bob", R"({"body":"x"})"};
  const auto n = journal.append(view);
  require(n.has_value() && *n == journal.last(), "a journal that opened takes records");
  view.n = *n;
  encode_record(view, records);
}

void check_seek(Journal& journal, const std::vector<RecordNumber>& numbers) {
  for (const RecordNumber n : numbers) {
    const auto batch = journal.read(journal.seek(n), 1);
    require(batch.count == 1 && scan_record(batch.records)->n == n, "a record is found by its number");
  }
}

}  // namespace

void run_input(std::string_view bytes) {
  Input input(bytes);
  const unsigned flags = input.byte();
  const auto files = read_files(input, flags);
  const bool booted = (flags & kBooted) != 0;
  const auto sync = (flags & kSyncedAlways) != 0 ? JournalSync::always : JournalSync::none;
  write_directory(files, booted);

  std::string expected = intact_records(files);
  {
    auto journal = open_journal(files, sync);
    if (!journal) return;
    const auto found = all_records(*journal);
    if (booted && sync == JournalSync::none) {  // a power cut may have taken some: it ends before the first
      require(expected.starts_with(found), "a journal ends where something is missing");
      expected = found;
    }
    require(found == expected, "every record before the damage is there, and nothing else");
    for (int i = 0; i < 4; ++i) append(*journal, expected);
    require(all_records(*journal) == expected, "what was appended follows");
  }
  const auto repaired = files_there();
  auto again = open_journal(repaired, sync);
  if (!again && repaired.rbegin()->first > kMaxSeq) return;  // a jump has used up the numbers
  require(again && again->repairs().empty(), "a repaired journal is whole");
  require(all_records(*again) == expected, "a repaired journal keeps what it had");
  const auto numbers = numbers_of(expected);
  require(std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) == numbers.end(),
          "numbers ascend");
  check_seek(*again, numbers);
}

}  // namespace duet::fuzz
