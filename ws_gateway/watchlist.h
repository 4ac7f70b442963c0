// ws_gateway/watchlist.h: every connection there is, so that late ones are ended and all can be stopped.
//
// One look at all of them twice a second costs less than a timer for each. One thread owns it.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>

#include "ws_gateway/net.h"

namespace duet {

class Watchlist;

// A connection, on the list as long as it lives.
class Watched {
 public:
  explicit Watched(Watchlist& list);
  virtual ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  // Neither destroys any connection before it returns: closing a socket does not, its handlers run later.
  virtual void look(Moment now) = 0;
  // The gateway stops.
  virtual void stop() = 0;

 private:
  Watchlist& list_;
  std::list<Watched*>::iterator place_;
};

class Watchlist {
 public:
  void look(Moment now) {
    for (Watched* watched : all_) watched->look(now);
  }
  void stop() {
    for (Watched* watched : all_) watched->stop();
  }
  std::size_t size() const { return all_.size(); }

 private:
  friend class Watched;
  std::list<Watched*> all_;
};

inline Watched::Watched(Watchlist& list) : list_(list), place_(list.all_.insert(list.all_.end(), this)) {}
inline Watched::~Watched() {
  list_.all_.erase(place_);
}

}  // namespace duet
