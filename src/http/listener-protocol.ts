/** What main and a listener say to each other, in one thread or across two. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client'

/** A registry as plain values, which cross threads. */
export type RegistryValues = readonly MetricObjectWithValues<MetricValue<string>>[]

export type ToListener =
  /** Say not ready from now on; go on serving. */
  | { readonly type: 'drain' }
  | { readonly type: 'close'; readonly deadlineMs: number }
  | { readonly type: 'collect'; readonly id: number }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string }

export type FromListener =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly code: string | undefined; readonly message: string }
  | { readonly type: 'closed' }
  | { readonly type: 'collected'; readonly id: number; readonly values: RegistryValues }
  /** A client asked for the metrics of the whole process. */
  | { readonly type: 'metricsWanted'; readonly id: number }
