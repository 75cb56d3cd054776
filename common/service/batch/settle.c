#include "common/service/batch/settle.h"

void settle_init(struct settle *settle, bool is_replay, uint32_t row_count)
{
    *settle = (struct settle){
        .next = is_replay ? SETTLE_ASK : SETTLE_INSERT,
        .is_first_try = !is_replay,
        .absent_count = row_count,
    };
    if (row_count == 0)
        settle->next = SETTLE_DONE;
}

void settle_on_stored(struct settle *settle)
{
    settle->next = settle->is_first_try ? SETTLE_DONE : SETTLE_ASK;
    settle->token_said_yes = true;
}

void settle_on_uncertain(struct settle *settle)
{
    settle->is_first_try = false;
    settle->next = SETTLE_ASK;
}

void settle_on_asked(struct settle *settle, uint32_t absent_count)
{
    settle->absent_count = absent_count;
    settle->next = absent_count == 0 ? SETTLE_DONE : SETTLE_INSERT;
    if (absent_count > 0 && settle->token_said_yes) {
        settle->round++;
        settle->token_said_yes = false;
    }
}
