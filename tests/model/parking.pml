/* base/parking.h on x86: is a wake-up ever lost?
 *
 * Every notifier has a store buffer, first in first out, emptied at any time: a store waits in it
 * while the notifier's next load runs ahead (x86-TSO). A locked instruction empties the own buffer
 * and changes memory at once. Sleepers store by locked instructions only, so they need no buffer.
 * Sleeper i waits for the work of notifier i, round by round; they share one word.
 *
 * Claim: no invalid end state, that is, nobody sleeps for ever; and whoever goes on sees its work.
 *
 * Modes:     (none)          light side plain, heavy side membarrier
 *            SEQ_CST         light side's store locked (xchg), no membarrier
 * Mutants:   NO_BARRIER      the heavy side forgets membarrier
 *            PLAIN_STORE     with SEQ_CST: the light side's store is a plain one
 *            LATE_FLAG       the sleeper looks for work, then arms
 *            NO_SECOND_LOOK  the sleeper sleeps without looking again
 *            PLAIN_RESET     a wake-up clears the bit and does not count
 *            NO_WAKE         who clears the bit makes no system call
 * tests/model/spin.py runs them all.
 */

#define PAIRS 2
#define ROUNDS 2
#ifdef FULL                                     /* the second pair has one round only, else two */
#define ROUNDS_OF(pair) ROUNDS
#else
#define ROUNDS_OF(pair) (ROUNDS - pair)
#endif

byte word = 0;                                  /* 2 x wake-ups + armed */
byte work[PAIRS];
chan buffer[PAIRS] = [ROUNDS] of { byte };      /* stores to work[i] that are not in memory yet */
bool asleep[PAIRS];
byte early[PAIRS];                              /* wake-ups without a reason still to come */

inline drain(whose) {
  do
  :: nempty(buffer[whose]) -> buffer[whose] ? work[whose]
  :: empty(buffer[whose]) -> break
  od
}

proctype Notifier(byte me) {
  byte round = 1;
  byte seen;
  bool cleared;
  do
  :: round > ROUNDS_OF(me) -> break
  :: else ->
#if defined(SEQ_CST) && !defined(PLAIN_STORE)
     atomic { drain(me); work[me] = round };    /* light_store: xchg */
#else
     buffer[me] ! round;                        /* light_store: mov */
#endif
     seen = word;                               /* light_load */
     if
     :: seen % 2 == 0
     :: else ->
        atomic {                                /* disarm: lock cmpxchg */
          drain(me);
          cleared = (word == seen);
          if
          :: cleared ->
#ifdef PLAIN_RESET
             word = seen - 1
#else
             word = seen + 1
#endif
          :: else
          fi;
          seen = 0
        };
#ifndef NO_WAKE
        if
        :: cleared -> d_step {                  /* futex_wake_all */
             byte other;
             for (other : 0 .. PAIRS - 1) { asleep[other] = false };
             other = 0;
             cleared = false
           }
        :: else
        fi
#endif
     fi;
     round++
  od
}

/* Takes the oldest store to memory, at any time. */
proctype StoreBuffer(byte whose) {
end:
  do
  :: atomic { nempty(buffer[whose]) -> buffer[whose] ? work[whose] }
  od
}

proctype Sleeper(byte me) {
  byte round = 1;
  byte ticket;
  do
  :: round > ROUNDS_OF(me) -> break
  :: else ->
     do
     :: work[me] >= round -> break
     :: else ->
#ifdef LATE_FLAG
        if
        :: work[me] >= round -> break
        :: else
        fi;
#endif
        atomic { ticket = word | 1; word = ticket };    /* arm: locked */
#if !defined(SEQ_CST) && !defined(NO_BARRIER)
        byte other = 0;                                 /* membarrier: one after the other */
        do
        :: other < PAIRS -> atomic { drain(other); other++ }
        :: else -> other = 0; break
        od;
#endif
#if !defined(LATE_FLAG) && !defined(NO_SECOND_LOOK)
        if
        :: work[me] >= round -> break
        :: else
        fi;
#endif
        atomic {                                        /* futex_wait */
          if
          :: word == ticket -> asleep[me] = true
          :: else
          fi;
          ticket = 0
        };
        if
        :: !asleep[me]
        :: atomic { asleep[me] && early[me] > 0 -> early[me]--; asleep[me] = false }
        fi
     od;
     assert(work[me] >= round);
     round++
  od
}

init {
  atomic {
    byte pair;
    for (pair : 0 .. PAIRS - 1) {
      early[pair] = 1;
      run Notifier(pair);
      run StoreBuffer(pair);
      run Sleeper(pair)
    }
  }
}
