import type { IconNode } from 'lucide';
import type { ButtonHTMLAttributes } from 'preact';
import { Icon } from './Icon';
import css from './ui.module.css';

type Props = ButtonHTMLAttributes & {
  icon?: IconNode;
  look?: 'plain' | 'primary' | 'quiet' | 'danger';
  small?: boolean;
};

export function Button({ icon, look = 'plain', small, children, class: extra, ...rest }: Props) {
  const names = [css.button, look !== 'plain' && css[look], small && css.small, extra];
  return (
    <button type="button" {...rest} class={names.filter(Boolean).join(' ')}>
      {icon && <Icon of={icon} size={small ? 14 : 15} />}
      {children}
    </button>
  );
}

/** A button with only a picture: `label` is what it says to a screen reader and on hover. */
export function IconButton({
  label,
  icon,
  small,
  class: extra,
  ...rest
}: Props & { label: string; icon: IconNode }) {
  const names = [css.button, css.quiet, css.square, small && css.small, extra];
  return (
    <button type="button" title={label} aria-label={label} {...rest} class={names.filter(Boolean).join(' ')}>
      <Icon of={icon} size={small ? 14 : 16} />
    </button>
  );
}
