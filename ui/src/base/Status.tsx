import { Ban, CircleCheck, CircleDashed, CircleX, type IconNode, LoaderCircle } from 'lucide';
import type { RunStatus } from './api-types';
import { Icon } from './Icon';
import css from './ui.module.css';

const LOOKS: Record<RunStatus, [icon: IconNode, word: string]> = {
  RUNNING: [LoaderCircle, 'Running'],
  SCHEDULED: [CircleDashed, 'Scheduled'],
  FINISHED: [CircleCheck, 'Finished'],
  FAILED: [CircleX, 'Failed'],
  KILLED: [Ban, 'Killed'],
};

/** Shape, word and colour together: none of them alone carries the meaning. */
export function Status({ of, word = true }: { of: RunStatus; word?: boolean }) {
  const [icon, name] = LOOKS[of];
  return (
    <span class={`${css.status} ${css[of]}`} title={word ? undefined : name}>
      <Icon of={icon} size={14} />
      <span class={word ? '' : 'sr'}>{name}</span>
    </span>
  );
}
