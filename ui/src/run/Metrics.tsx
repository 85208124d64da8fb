import type { MetricSummary, Run } from '../base/api-types';
import { Charts } from '../charts/Charts';
import { isSystem, sections, systemSections } from '../charts/window';

export function Metrics({ run, system }: { run: Run; system: boolean }) {
  // What never changed (a test result, a constant) stands after the curves.
  const isFlat = (metric: MetricSummary) => Number(metric.min === metric.max);
  const keys = run.metrics
    .filter((metric) => isSystem(metric.key) === system)
    .sort((a, b) => (system ? 0 : isFlat(a) - isFlat(b)))
    .map((metric) => metric.key);
  const one = {
    id: run.run_id,
    name: run.name,
    startMs: run.start_ms,
    running: run.status === 'RUNNING',
  };
  return (
    <Charts
      runs={[one]}
      sections={system ? systemSections(keys) : sections(keys)}
      defaultAxis={system ? 'relative' : 'step'}
      empty={
        system
          ? 'No system metrics. Start the run with log_system_metrics=True to record them.'
          : 'No metrics yet. Each mlflow.log_metric call adds a point here, live.'
      }
    />
  );
}
