/** What this process costs. *Unit*: seconds of CPU, bytes. */
export interface ProcessUsage {
  cpuUserSeconds: number
  cpuSystemSeconds: number
  rssBytes: number
  heapUsedBytes: number
  startSeconds: number
  /** Share of the time the main thread's event loop was busy since the start, 0 to 1. */
  loopUtilization: number
}

/** Reads the process's own figures; all threads are in CPU and RSS, the heap is the main thread's. */
export function readProcessUsage(): ProcessUsage {
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  return {
    cpuUserSeconds: cpu.user / 1e6,
    cpuSystemSeconds: cpu.system / 1e6,
    rssBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    startSeconds: performance.timeOrigin / 1000,
    loopUtilization: performance.eventLoopUtilization().utilization,
  }
}
