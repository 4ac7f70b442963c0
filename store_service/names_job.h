// store_service/names_job.h: what the auth service tells about accounts, and the answer to it
// (svc/auth/names, docs/adr/0025-unknown-recipients.md).
#pragma once

#include "protocol/service_payload.h"
#include "store_service/publisher.h"
#include "store_service/write_queue.h"

namespace duet {

// Notes and answers when the commit is done. It is given up when the database fails: auth asks again. The
// publisher outlives the job.
WriteJob names_job(NamesAsk ask, Publisher& publisher);

}  // namespace duet
