#include "common/codec/rfc3339.h"

#include "common/base/bug.h"

enum { US_PER_SECOND = 1000000, SECONDS_PER_DAY = 86400 };

/* ---- days ---- */

/* Days since 1970-01-01 of a day in the Gregorian calendar. The year is taken to begin in March, so that
 * the leap day comes last; 153 days make five months from there on. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t march_year = month > 2 ? year : year - 1;
    int64_t march_month = month > 2 ? month - 3 : month + 9;
    int64_t leap_days = march_year / 4 - march_year / 100 + march_year / 400;

    return march_year * 365 + leap_days + (153 * march_month + 2) / 5 + day - 1 - 719468;
}

struct date {
    int64_t year, month, day;
};

/* The way back, for days >= 0. An era is 400 years, 146,097 days. */
static struct date date_from_days(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted % 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;

    return (struct date){.year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
                         .month = month,
                         .day = day_of_year - (153 * march_month + 2) / 5 + 1};
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* ---- reading ---- */

/* `count` digits off the front, and, when `behind` is not 0, that character (either case of a letter). */
static bool take_number(struct slice *rest, size_t count, char behind, int64_t *out_value)
{
    int64_t value = 0;

    if (rest->length < count + (behind != 0 ? 1 : 0))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9')
            return false;
        value = value * 10 + (rest->data[i] - '0');
    }
    if (behind != 0 && rest->data[count] != behind)
        return false;
    *rest = slice_from_index(*rest, count + (behind != 0 ? 1 : 0));
    *out_value = value;
    return true;
}

static bool take_date(struct slice *rest, int64_t *out_days)
{
    int64_t year, month, day;

    if (!take_number(rest, 4, '-', &year) || !take_number(rest, 2, '-', &month) ||
        !take_number(rest, 2, 0, &day))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *out_days = days_from_date(year, month, day);
    return true;
}

static bool take_separator(struct slice *rest)
{
    if (slice_is_empty(*rest) || (rest->data[0] != 'T' && rest->data[0] != 't' && rest->data[0] != ' '))
        return false;
    *rest = slice_from_index(*rest, 1);
    return true;
}

/* ".123456789" if it is there: its first six digits, and at least one. */
static bool take_fraction(struct slice *rest, int64_t *out_us)
{
    int64_t us = 0;
    int64_t weight = US_PER_SECOND / 10;
    size_t i = 1;

    if (!slice_is_empty(*rest) && rest->data[0] == '.') {
        for (; i < rest->length && rest->data[i] >= '0' && rest->data[i] <= '9'; i++) {
            us += weight * (rest->data[i] - '0');
            weight /= 10;
        }
        if (i == 1)
            return false;
        *rest = slice_from_index(*rest, i);
    }
    *out_us = us;
    return true;
}

static bool take_time(struct slice *rest, int64_t *out_us)
{
    int64_t hour, minute, second, us;

    if (!take_number(rest, 2, ':', &hour) || !take_number(rest, 2, ':', &minute) ||
        !take_number(rest, 2, 0, &second) || !take_fraction(rest, &us))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *out_us = ((hour * 60 + minute) * 60 + second) * US_PER_SECOND + us;
    return true;
}

/* What the zone's clocks are ahead of UTC; the zone must be all that is left. */
static bool take_zone(struct slice rest, int64_t *out_seconds)
{
    int64_t hour, minute;

    if (slice_equals(rest, SLICE("Z")) || slice_equals(rest, SLICE("z"))) {
        *out_seconds = 0;
        return true;
    }
    if (slice_is_empty(rest) || (rest.data[0] != '+' && rest.data[0] != '-'))
        return false;
    bool is_behind = rest.data[0] == '-';
    rest = slice_from_index(rest, 1);
    if (!take_number(&rest, 2, ':', &hour) || !take_number(&rest, 2, 0, &minute) || !slice_is_empty(rest))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *out_seconds = (is_behind ? -1 : 1) * (hour * 60 + minute) * 60;
    return true;
}

bool rfc3339_parse(struct slice text, int64_t *out_us)
{
    int64_t days, us, zone_seconds;

    if (!take_date(&text, &days) || !take_separator(&text) || !take_time(&text, &us) ||
        !take_zone(text, &zone_seconds))
        return false;
    us += (days * SECONDS_PER_DAY - zone_seconds) * US_PER_SECOND;
    if (us < 0 || us > RFC3339_MAX_US)
        return false;
    *out_us = us;
    return true;
}

/* ---- writing ---- */

/* `count` digits and what stands behind them; gives the place after. */
static char *put_number(char *out, int64_t value, int count, char behind)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    out[count] = behind;
    return out + count + 1;
}

static char *put_fraction(char *out, int64_t us)
{
    if (us % 1000 != 0)
        return put_number(out, us, 6, 'Z');
    return put_number(out, us / 1000, 3, 'Z');
}

size_t rfc3339_write(int64_t us, char out[RFC3339_MAX_BYTES])
{
    int64_t seconds = us / US_PER_SECOND;
    int64_t second_of_day = seconds % SECONDS_PER_DAY;
    int64_t fraction_us = us % US_PER_SECOND;
    char *end = out;

    BUG_ON(us < 0 || us > RFC3339_MAX_US);
    struct date date = date_from_days(seconds / SECONDS_PER_DAY);
    end = put_number(end, date.year, 4, '-');
    end = put_number(end, date.month, 2, '-');
    end = put_number(end, date.day, 2, 'T');
    end = put_number(end, second_of_day / 3600, 2, ':');
    end = put_number(end, second_of_day / 60 % 60, 2, ':');
    end = put_number(end, second_of_day % 60, 2, fraction_us != 0 ? '.' : 'Z');
    if (fraction_us != 0)
        end = put_fraction(end, fraction_us);
    *end = '\0';
    return (size_t)(end - out);
}
