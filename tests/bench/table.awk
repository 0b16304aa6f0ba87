# table.awk - samples in, medians and ratios out; called by bench_report of common.sh.
#
# Input, one line a sample, fields between tabs:
#   GROUP METHOD ROUND DONE REFUSED SECONDS RATE P50_US P99_US OWN_US LABEL=US...
# and one line a goal, to be met by the median over the rounds of METRIC(A) / METRIC(B):
#   goal TEXT METRIC GROUP_A METHOD_A GROUP_B METHOD_B >=|<= VALUE
# one line a group whose p99 is shown against another's:
#   flat GROUP FIRST
# one line a store and number of users, for the memory of its workers, and one a limit of it:
#   memory METHOD USERS WORKERS MEAN_KB MOST_KB
#   most TEXT METHOD KB
# Variables: base (the method that ratios are to), json (1: one JSON document instead of the tables),
# title.  Ratios are made within a round, because a machine has better and worse minutes.
BEGIN { FS = "\t" }

function median(values, n,    i, j, swap) {
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && values[j - 1] > values[j]; j--) {
            swap = values[j]; values[j] = values[j - 1]; values[j - 1] = swap
        }
    return n == 0 ? 0 : n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

# The median over the rounds of one metric of one method in one group.
function middle(metric, group, method,    r, n, values) {
    n = 0
    for (r = 1; r <= rounds; r++)
        if ((metric, group, method, r) in sample) values[++n] = sample[metric, group, method, r]
    return median(values, n)
}

# The median over the rounds of a ratio; -1 when there is none.
function ratio(metric, group_a, method_a, group_b, method_b,    r, n, values) {
    n = 0
    for (r = 1; r <= rounds; r++)
        if (sample[metric, group_b, method_b, r] + 0 > 0 && (metric, group_a, method_a, r) in sample)
            values[++n] = sample[metric, group_a, method_a, r] / sample[metric, group_b, method_b, r]
    return n ? median(values, n) : -1
}

function show(value, format) { return value < 0 ? "-" : sprintf(format, value) }

$1 == "goal" {
    n_goals++
    for (i = 2; i <= 9; i++) goal[n_goals, i] = $i
    next
}

$1 == "flat" { first[$2] = $3; next }

$1 == "memory" {
    n_memory++
    for (i = 2; i <= 6; i++) memory[n_memory, i] = $i
    if ($6 > most_kb[$2] + 0) most_kb[$2] = $6
    next
}

$1 == "most" {
    n_limits++
    for (i = 2; i <= 4; i++) limit[n_limits, i] = $i
    next
}

{
    group = $1; method = $2; r = $3 + 0
    if (!(group in group_seen)) { group_seen[group]; groups[++n_groups] = group }
    if (!((group, method) in method_seen)) {
        method_seen[group, method]
        methods[group, ++n_methods[group]] = method
    }
    if (r > rounds) rounds = r
    total_done[group, method] += $4
    total_refused[group, method] += $5
    sample["rate", group, method, r] = $7
    sample["p50", group, method, r] = $8
    sample["p99", group, method, r] = $9
    sample["client", group, method, r] = $10
    servers = 0
    for (i = 11; i <= NF; i++) {
        split($i, pair, "=")
        if (!(pair[1] in label_seen)) { label_seen[pair[1]]; labels[++n_labels] = pair[1] }
        sample[pair[1], group, method, r] = pair[2]
        servers += pair[2]
    }
    sample["server", group, method, r] = servers
}

# p99 against that of the first number of users.
function flat(group, method) {
    return group in first ? ratio("p99", group, method, first[group], method) : -1
}

function table(    g, m, l, group, method, line) {
    for (g = 1; g <= n_groups; g++) {
        group = groups[g]
        line = sprintf("%-38s %9s %8s %8s %10s", group, "rate/s", "p50 ms", "p99 ms", "CPU driver")
        for (l = 1; l <= n_labels; l++) line = line sprintf(" %9s", labels[l])
        print line sprintf(" %7s %7s %7s %8s %7s", "x rate", "x p50", "flat", "done", "refused")
        for (m = 1; m <= n_methods[group]; m++) {
            method = methods[group, m]
            line = sprintf("  %-36s %9.1f %8.3f %8.3f %10.3f", method, middle("rate", group, method),
                middle("p50", group, method) / 1000, middle("p99", group, method) / 1000,
                middle("client", group, method) / 1000)
            for (l = 1; l <= n_labels; l++)
                line = line sprintf(" %9.3f", middle(labels[l], group, method) / 1000)
            print line sprintf(" %7s %7s %7s %8d %7d", show(ratio("rate", group, method, group, base), "%.2f"),
                show(ratio("p50", group, method, group, base), "%.2f"), show(flat(group, method), "%.2f"),
                total_done[group, method], total_refused[group, method])
        }
        print ""
    }
}

function memory_table(    i) {
    if (!n_memory) return
    printf "%-38s %9s %8s %8s %10s\n", "memory of the daemon", "users", "workers", "Pss MiB", "the most"
    for (i = 1; i <= n_memory; i++)
        printf "  %-36s %9d %8d %8.2f %10.2f\n", memory[i, 2], memory[i, 3], memory[i, 4],
            memory[i, 5] / 1024, memory[i, 6] / 1024
    print ""
}

function limit_value(i) { return limit[i, 3] in most_kb ? most_kb[limit[i, 3]] : -1 }

function limit_verdict(i) {
    return limit_value(i) < 0 ? "not measured" : limit_value(i) <= limit[i, 4] + 0 ? "reached" : "MISSED"
}

function verdict(i, value) {
    if (value < 0) return "not measured"
    return (goal[i, 8] == ">=" ? value >= goal[i, 9] : value <= goal[i, 9]) ? "reached" : "MISSED"
}

function goals(    i, value) {
    if (n_goals) print "To reach:"
    for (i = 1; i <= n_goals; i++) {
        value = ratio(goal[i, 3], goal[i, 4], goal[i, 5], goal[i, 6], goal[i, 7])
        printf "  %-78s %s %-5s is %-6s %s\n", goal[i, 2], goal[i, 8], goal[i, 9], show(value, "%.2f"),
            verdict(i, value)
    }
    for (i = 1; i <= n_limits; i++)
        printf "  %-78s <= %-5s is %-6s %s\n", limit[i, 2] ", " limit[i, 3], limit[i, 4],
            show(limit_value(i), "%d"), limit_verdict(i)
}

function document(    g, m, l, i, group, method, value) {
    printf "{\"title\":\"%s\",\"base\":\"%s\",\"rounds\":%d,\"results\":[", title, base, rounds
    for (g = 1; g <= n_groups; g++)
        for (m = 1; m <= n_methods[groups[g]]; m++) {
            group = groups[g]; method = methods[group, m]
            printf "%s{\"group\":\"%s\",\"method\":\"%s\",\"rate\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"cpu_us\":{\"driver\":%.1f",
                (g + m > 2) ? "," : "", group, method, middle("rate", group, method),
                middle("p50", group, method), middle("p99", group, method), middle("client", group, method)
            for (l = 1; l <= n_labels; l++)
                printf ",\"%s\":%.1f", labels[l], middle(labels[l], group, method)
            printf "},\"rate_ratio\":%.3f,\"p50_ratio\":%.3f,\"p99_flat\":%.3f,\"done\":%d,\"refused\":%d}",
                ratio("rate", group, method, group, base), ratio("p50", group, method, group, base),
                flat(group, method),
                total_done[group, method], total_refused[group, method]
        }
    printf "],\"memory\":["
    for (i = 1; i <= n_memory; i++)
        printf "%s{\"method\":\"%s\",\"users\":%d,\"workers\":%d,\"pss_kb\":%.0f,\"pss_most_kb\":%.0f}",
            (i > 1) ? "," : "", memory[i, 2], memory[i, 3], memory[i, 4], memory[i, 5], memory[i, 6]
    printf "],\"limits\":["
    for (i = 1; i <= n_limits; i++)
        printf "%s{\"limit\":\"%s\",\"method\":\"%s\",\"most\":%d,\"is\":%d,\"reached\":%s}", (i > 1) ? "," : "",
            limit[i, 2], limit[i, 3], limit[i, 4], limit_value(i),
            limit_verdict(i) == "reached" ? "true" : "false"
    printf "],\"goals\":["
    for (i = 1; i <= n_goals; i++) {
        value = ratio(goal[i, 3], goal[i, 4], goal[i, 5], goal[i, 6], goal[i, 7])
        printf "%s{\"goal\":\"%s\",\"must_be\":\"%s\",\"bound\":%s,\"ratio\":%.3f,\"reached\":%s}",
            (i > 1) ? "," : "", goal[i, 2], goal[i, 8], goal[i, 9], value,
            verdict(i, value) == "reached" ? "true" : "false"
    }
    print "]}"
}

END {
    if (json) { document(); exit }
    if (title) print title "\n"
    table()
    memory_table()
    goals()
}
