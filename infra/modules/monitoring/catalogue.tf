locals {
  # What there is: title, when it fires (said on the page of alerts and in the runbook), and the minutes within
  # which it does at the default settings, counted from the beginning of what is described there. Cloud
  # Monitoring's own delay of up to three minutes comes on top. The tests hold the queries to these minutes.
  catalogue = {
    connection_growth = {
      title          = "TCP connections grow"
      when           = "An instance older than the window holds more and more connections: over the window and over its last third, while its load has not grown by half."
      within_minutes = 36
      within         = "of an instance that leaks from its start"
      topic          = "leak"
    }
    connection_ratio = {
      title          = "Connections without requests"
      when           = "A revision holds more than minimum connections per instance, and more than factor times its requests in flight."
      within_minutes = 24
      within         = "of the first connections too many"
      topic          = "leak"
    }
    cost_per_request = {
      title          = "A request costs more than yesterday"
      when           = "Billable time per request is more than factor times that of a day before, and more time is billed than then."
      within_minutes = 75
      within         = "of a request that suddenly takes three times as much"
      topic          = "cost"
    }
    error_burn_fast = {
      title          = "Errors use up the budget fast"
      when           = "Errors of the whole service use up the error budget 14.4 times too fast over 1 h and 5 min, or 6 times over 6 h and 30 min."
      within_minutes = 8
      within         = "of a total failure"
      topic          = "symptom"
    }
    error_burn_slow = {
      title          = "Errors use up the budget slowly"
      when           = "Errors of the whole service use up the error budget faster than it grows, over 3 days and over 6 h."
      within_minutes = 510
      within         = "of errors at ten times the budget"
      topic          = "symptom"
    }
    error_ratio = {
      title          = "5xx ratio"
      when           = "More than threshold of one revision's requests end in a 5xx."
      within_minutes = 9
      within         = "of one failure in twenty requests"
      topic          = "symptom"
    }
    failed_starts = {
      title          = "Instances do not start"
      when           = "Startup probes of a revision fail, more than factor times for each that succeeds."
      within_minutes = 8
      within         = "of the first start that fails"
      topic          = "instances"
    }
    fd_errors = {
      title          = "Too many open files in the log"
      when           = "A log line of the service says \"too many open files\" or EMFILE."
      within_minutes = 2
      within         = "of the line"
      topic          = "leak"
    }
    fd_exhaustion = {
      title          = "File descriptors run out"
      when           = "At its present growth an instance reaches the limit within the time given, and is above the floor already."
      within_minutes = 6
      within         = "of the floor that is passed"
      topic          = "leak"
    }
    fd_growth = {
      title          = "File descriptors grow"
      when           = "An instance older than the window has more and more descriptors open: over the window and over its last third, while its load has not grown by half."
      within_minutes = 36
      within         = "of an instance that leaks from its start"
      topic          = "leak"
    }
    fd_level = {
      title          = "File descriptors are many"
      when           = "An instance has threshold of its descriptors open, those of Cloud Run or of the process, whichever are fewer."
      within_minutes = 6
      within         = "of the threshold that is passed"
      topic          = "leak"
    }
    fd_level_critical = {
      title          = "File descriptors are nearly used up"
      when           = "As fd_level, at a higher threshold."
      within_minutes = 6
      within         = "of the threshold that is passed"
      topic          = "leak"
    }
    instances = {
      title          = "More instances than the traffic needs"
      when           = "There are more than minimum instances, more than factor times what the requests in flight need, and they are not busy."
      within_minutes = 17
      within         = "of thirty instances at minimal traffic"
      topic          = "instances"
    }
    latency_burn_fast = {
      title          = "Slow requests use up the budget fast"
      when           = "Requests slower than the objective use up their budget 14.4 times too fast over 1 h and 5 min, or 6 times over 6 h and 30 min."
      within_minutes = 12
      within         = "of every request being slow"
      topic          = "symptom"
    }
    latency_burn_slow = {
      title          = "Slow requests use up the budget slowly"
      when           = "Requests slower than the objective use up their budget faster than it grows, over 3 days and over 6 h."
      within_minutes = 510
      within         = "of slow requests at ten times the budget"
      topic          = "symptom"
    }
    latency_p99 = {
      title          = "p99 latency"
      when           = "The 99th percentile of one revision's latency is above threshold_seconds."
      within_minutes = 8
      within         = "of one slow request in ten"
      topic          = "symptom"
    }
    memory_growth = {
      title          = "Memory grows"
      when           = "An instance older than the window takes more and more memory, its load has not grown by half, and the fullest instances of its revision are above the floor."
      within_minutes = 71
      within         = "of an instance that leaks from its start, above the floor"
      topic          = "leak"
    }
    monthly_cost = {
      title          = "The month will cost more than its budget"
      when           = "What was billed in the last day, kept up for a month, is above the budget. Free amounts and discounts are not taken off."
      within_minutes = 810
      within         = "of a cost that rises from half the budget to one and a half"
      topic          = "cost"
    }
    pending_requests = {
      title          = "Requests wait for an instance"
      when           = "On average more than threshold requests wait for an instance of one revision."
      within_minutes = 11
      within         = "of forty requests that wait"
      topic          = "instances"
    }
    restarts = {
      title          = "Instances restart"
      when           = "A revision has started minimum instances or more in the window, and more than factor times as many as it had at most."
      within_minutes = 8
      within         = "of one restart a minute"
      topic          = "instances"
    }
    telemetry_silent = {
      title          = "Telemetry has gone silent"
      when           = "A revision serves requests and its instances report no file descriptors, although they did in the last day or are known to."
      within_minutes = 22
      within         = "of the last sample"
      topic          = "telemetry"
    }
  }
}
