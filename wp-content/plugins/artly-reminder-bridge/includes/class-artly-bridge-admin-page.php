<?php
/**
 * The page "Artly Sync".
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Shows the sync of this site as it stands when the page is made; the script goes on from there.
 */
final class Artly_Bridge_Admin_Page {

	const SLUG = 'artly-reminder-bridge';

	/** Seconds that making the page may wait for the server; the script asks again anyway. */
	const PATIENCE = 2;

	/**
	 * What the page shows, once it was looked up.
	 *
	 * @var array<string,mixed>|null
	 */
	private static ?array $view = null;

	/**
	 * Adds the page to the menu: to the top level, since those who only run the shop do not see "Settings".
	 */
	public static function add_to_menu(): void {
		add_menu_page(
			__( 'Artly Sync', 'artly-reminder-bridge' ),
			__( 'Artly Sync', 'artly-reminder-bridge' ),
			self::capability(),
			self::SLUG,
			array( self::class, 'render' ),
			'dashicons-update-alt',
			58
		);
		add_submenu_page( self::SLUG, __( 'Artly Sync', 'artly-reminder-bridge' ), __( 'Sync', 'artly-reminder-bridge' ), self::capability(), self::SLUG );
	}

	/**
	 * The view of the job to begin with.
	 *
	 * @return array<string,mixed>
	 */
	public static function view(): array {
		if ( null === self::$view ) {
			$sync = new Artly_Bridge_Sync();
			$view = $sync->status( '', self::PATIENCE );
			if ( is_wp_error( $view ) ) {
				$problem = $view->get_error_message();
				$view    = array( 'problem' => $problem ) + $sync->last_known();
			}
			if ( Artly_Bridge_Job_View::IDLE === $view['status'] && ! self::can_start() ) {
				$view = Artly_Bridge_Job_View::not_set_up();
			}
			self::$view = $view;
		}
		return self::$view;
	}

	/**
	 * Whether all is there that a start needs.
	 */
	public static function can_start(): bool {
		return Artly_Bridge_Settings::is_connected() && '' === Artly_Bridge_Sources::unavailable_reason();
	}

	/**
	 * Shows the page.
	 */
	public static function render(): void {
		if ( ! Artly_Bridge_Ajax::may_sync() ) {
			wp_die( esc_html__( 'You do not have permission to see this page.', 'artly-reminder-bridge' ), 403 );
		}
		$view = self::view();
		?>
		<div class="wrap artly">
			<h1><?php esc_html_e( 'Artly Sync', 'artly-reminder-bridge' ); ?></h1>
			<p class="artly__lead"><?php esc_html_e( 'Sends the points balance of every member to your Artly Sync server, which reminds members of points that wait or run out.', 'artly-reminder-bridge' ); ?></p>
			<hr class="wp-header-end">
			<?php
			Artly_Bridge_Assets::show_if_not_built();
			self::render_what_is_missing();
			?>
			<div id="artly-sync" class="artly-card artly-sync" data-state="<?php echo esc_attr( $view['status'] ); ?>"<?php echo isset( $view['problem'] ) ? ' data-problem' : ''; ?><?php echo '' === $view['jobId'] ? ' data-without-job' : ''; ?>>
				<?php
				self::render_state( $view );
				self::render_figures( $view );
				self::render_buttons();
				?>
			</div>
			<?php self::render_route(); ?>
		</div>
		<?php
	}

	/**
	 * The state: a word with an icon, a sentence, and what the server said.
	 *
	 * @param array<string,mixed> $view The view.
	 */
	private static function render_state( array $view ): void {
		?>
		<div class="artly-sync__state">
			<span class="artly-sync__icon dashicons-before" aria-hidden="true"></span>
			<h2 class="artly-sync__label" id="artly-sync-label"><?php echo esc_html( $view['label'] ); ?></h2>
		</div>
		<p class="artly-sync__status" id="artly-sync-status" role="status" aria-live="polite"><?php echo esc_html( $view['problem'] ?? $view['headline'] ); ?></p>
		<p class="artly-sync__detail" id="artly-sync-detail"><?php echo esc_html( $view['detail'] ); ?></p>
		<?php
	}

	/**
	 * The bar and the numbers.
	 *
	 * @param array<string,mixed> $view The view.
	 */
	private static function render_figures( array $view ): void {
		$users = number_format_i18n( $view['processed'] ) . ' / ' . number_format_i18n( $view['total'] );
		// Without a job nothing is known of how far it is: the bar then only shows that something goes on.
		$value = Artly_Bridge_Job_View::PENDING === $view['status'] && '' === $view['jobId'] ? '' : sprintf( ' value="%d"', $view['progress'] );
		?>
		<div class="artly-sync__figures">
			<div class="artly-sync__bar">
				<progress id="artly-sync-progress" max="100"<?php echo $value; // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- a number. ?> aria-label="<?php esc_attr_e( 'Progress of the sync', 'artly-reminder-bridge' ); ?>"></progress>
				<span class="artly-sync__percent" id="artly-sync-percent"><?php echo esc_html( $view['progress'] . '%' ); ?></span>
			</div>
			<dl class="artly-sync__numbers">
				<div>
					<dt><?php esc_html_e( 'Users', 'artly-reminder-bridge' ); ?></dt>
					<dd id="artly-sync-count"><?php echo esc_html( $users ); ?></dd>
				</div>
				<div>
					<dt><?php esc_html_e( 'Balances updated', 'artly-reminder-bridge' ); ?></dt>
					<dd id="artly-sync-updated"><?php echo esc_html( number_format_i18n( $view['updated'] ) ); ?></dd>
				</div>
				<div<?php echo 0 === $view['rejected'] ? ' hidden' : ''; ?>>
					<dt><?php esc_html_e( 'Rejected', 'artly-reminder-bridge' ); ?></dt>
					<dd class="artly-sync__rejected-number" id="artly-sync-rejected"><?php echo esc_html( number_format_i18n( $view['rejected'] ) ); ?></dd>
				</div>
			</dl>
		</div>
		<?php
	}

	/**
	 * The buttons. Both wait for the script, which is also what hides the last hint before it would appear.
	 */
	private static function render_buttons(): void {
		?>
		<p class="artly-sync__buttons">
			<button type="button" class="button button-primary button-large" id="artly-sync-start" disabled><?php esc_html_e( 'Sync Points Balances', 'artly-reminder-bridge' ); ?></button>
			<button type="button" class="button button-large" id="artly-sync-cancel" disabled><?php esc_html_e( 'Cancel Sync', 'artly-reminder-bridge' ); ?></button>
		</p>
		<noscript><p class="artly-hint"><?php esc_html_e( 'Starting and watching a sync needs JavaScript, which is switched off in this browser. What stands above was true when the page was loaded; reload the page to see how it stands now.', 'artly-reminder-bridge' ); ?></p></noscript>
		<p class="artly-hint artly-hint--late" id="artly-sync-no-script"><?php esc_html_e( 'The script of this page has not loaded. Reload the page; if that does not help, look for a browser extension or another plugin that stops scripts.', 'artly-reminder-bridge' ); ?></p>
		<?php
	}

	/**
	 * What has to be set up before a sync can start.
	 */
	private static function render_what_is_missing(): void {
		if ( self::can_start() ) {
			return;
		}
		$message = Artly_Bridge_Settings::is_connected()
			? Artly_Bridge_Sources::unavailable_reason()
			: Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOT_CONFIGURED )->get_error_message();
		?>
		<div class="notice notice-warning" id="artly-sync-missing">
			<p><?php echo esc_html( $message ); ?></p>
			<p>
				<?php if ( Artly_Bridge_Ajax::may_configure() ) : ?>
					<a class="button" href="<?php echo esc_url( Artly_Bridge_Settings_Page::url() ); ?>"><?php esc_html_e( 'Open the settings', 'artly-reminder-bridge' ); ?></a>
				<?php else : ?>
					<?php esc_html_e( 'Only an administrator of this site can change the settings.', 'artly-reminder-bridge' ); ?>
				<?php endif; ?>
			</p>
		</div>
		<?php
	}

	/**
	 * From where to where balances go.
	 */
	private static function render_route(): void {
		$source = Artly_Bridge_Sources::chosen();
		if ( null === $source || ! self::can_start() ) {
			return;
		}
		?>
		<dl class="artly-route">
			<div>
				<dt><?php esc_html_e( 'From', 'artly-reminder-bridge' ); ?></dt>
				<dd><?php echo esc_html( $source->label() ); ?></dd>
			</div>
			<div>
				<dt><?php esc_html_e( 'To', 'artly-reminder-bridge' ); ?></dt>
				<dd><?php echo esc_html( Artly_Bridge_Settings::url() ); ?></dd>
			</div>
			<?php if ( Artly_Bridge_Ajax::may_configure() ) : ?>
				<div><a href="<?php echo esc_url( Artly_Bridge_Settings_Page::url() ); ?>"><?php esc_html_e( 'Settings', 'artly-reminder-bridge' ); ?></a></div>
			<?php endif; ?>
		</dl>
		<?php
	}

	/**
	 * The one capability that WordPress asks for in its menu: the one this person has of the two that may sync.
	 */
	private static function capability(): string {
		return current_user_can( 'manage_options' ) ? 'manage_options' : 'manage_woocommerce';
	}
}
