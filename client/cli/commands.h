// client/cli/commands.h: what each command does. They return the exit status, and throw std::exception when
// there is nothing to be done.
#pragma once

#include "client/cli/options.h"

namespace duet {

int run_token(const CliOptions& options);
int run_send(const CliOptions& options);
int run_listen(const CliOptions& options);
int run_chat(const CliOptions& options);
int run_push(const CliOptions& options);
int run_probe(const CliOptions& options);
// history, conversations, presence, accept, block, unblock, mute, unmute, devices
int run_ask(const CliOptions& options);

int run_command(const CliOptions& options);

}  // namespace duet
