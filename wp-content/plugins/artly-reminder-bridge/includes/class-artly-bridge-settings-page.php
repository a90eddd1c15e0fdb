<?php
/**
 * The page "Settings".
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * The form for the settings. WordPress itself saves it, by the rules of Artly_Bridge_Settings.
 */
final class Artly_Bridge_Settings_Page {

	const SLUG = 'artly-reminder-bridge-settings';

	/** Ids of the fields, which the labels and the script use. */
	const ID_URL      = 'artly-engine-url';
	const ID_SECRET   = 'artly-engine-secret';
	const ID_META_KEY = 'artly-meta-key';

	/**
	 * Adds the page to the menu.
	 */
	public static function add_to_menu(): void {
		add_submenu_page(
			Artly_Bridge_Admin_Page::SLUG,
			__( 'Artly Sync Settings', 'artly-reminder-bridge' ),
			__( 'Settings', 'artly-reminder-bridge' ),
			'manage_options',
			self::SLUG,
			array( self::class, 'render' )
		);
	}

	/**
	 * Address of the page.
	 */
	public static function url(): string {
		return admin_url( 'admin.php?page=' . self::SLUG );
	}

	/**
	 * Adds a link to the list of plugins.
	 *
	 * @param string[] $links Links there are.
	 * @return string[]
	 */
	public static function add_plugin_link( array $links ): array {
		array_unshift( $links, sprintf( '<a href="%s">%s</a>', esc_url( self::url() ), esc_html__( 'Settings', 'artly-reminder-bridge' ) ) );
		return $links;
	}

	/**
	 * Shows the page.
	 */
	public static function render(): void {
		if ( ! Artly_Bridge_Ajax::may_configure() ) {
			wp_die( esc_html__( 'You do not have permission to see this page.', 'artly-reminder-bridge' ), 403 );
		}
		?>
		<div class="wrap artly">
			<h1><?php esc_html_e( 'Artly Sync Settings', 'artly-reminder-bridge' ); ?></h1>
			<?php
			settings_errors();
			Artly_Bridge_Assets::show_if_not_built();
			?>
			<form method="post" action="options.php" id="artly-settings">
				<?php settings_fields( Artly_Bridge_Settings::GROUP ); ?>
				<h2><?php esc_html_e( 'Your Artly Sync server', 'artly-reminder-bridge' ); ?></h2>
				<table class="form-table" role="presentation">
					<?php
					self::render_url();
					self::render_secret();
					self::render_test();
					?>
				</table>
				<h2><?php esc_html_e( 'Where the points are', 'artly-reminder-bridge' ); ?></h2>
				<table class="form-table" role="presentation">
					<?php self::render_source(); ?>
				</table>
				<?php submit_button(); ?>
			</form>
		</div>
		<?php
	}

	/**
	 * The field for the address.
	 */
	private static function render_url(): void {
		?>
		<tr>
			<th scope="row"><label for="<?php echo esc_attr( self::ID_URL ); ?>"><?php esc_html_e( 'Address', 'artly-reminder-bridge' ); ?></label></th>
			<td>
				<input type="url" class="regular-text code" id="<?php echo esc_attr( self::ID_URL ); ?>" name="<?php echo esc_attr( Artly_Bridge_Settings::OPTION_URL ); ?>" value="<?php echo esc_attr( Artly_Bridge_Settings::url() ); ?>" placeholder="https://sync.example.com" aria-describedby="artly-engine-url-help">
				<p class="description" id="artly-engine-url-help"><?php esc_html_e( 'Where the server answers: https:// or http://, its name, and if need be a port and a path.', 'artly-reminder-bridge' ); ?></p>
			</td>
		</tr>
		<?php
	}

	/**
	 * The field for the key, which never shows the saved one.
	 */
	private static function render_secret(): void {
		$help = '' === Artly_Bridge_Settings::secret()
			? __( 'Made on the server for this site with “artly-sync sites add”, and shown there once.', 'artly-reminder-bridge' )
			: __( 'A key is saved. Leave the field empty to keep it, or enter another one to replace it.', 'artly-reminder-bridge' );
		?>
		<tr>
			<th scope="row"><label for="<?php echo esc_attr( self::ID_SECRET ); ?>"><?php esc_html_e( 'Key', 'artly-reminder-bridge' ); ?></label></th>
			<td>
				<input type="password" class="regular-text code" id="<?php echo esc_attr( self::ID_SECRET ); ?>" name="<?php echo esc_attr( Artly_Bridge_Settings::OPTION_SECRET ); ?>" value="" autocomplete="new-password" spellcheck="false" aria-describedby="artly-engine-secret-help">
				<p class="description" id="artly-engine-secret-help"><?php echo esc_html( $help ); ?></p>
			</td>
		</tr>
		<?php
	}

	/**
	 * The connection test.
	 */
	private static function render_test(): void {
		?>
		<tr>
			<th scope="row"><?php esc_html_e( 'Connection', 'artly-reminder-bridge' ); ?></th>
			<td>
				<button type="button" class="button" id="artly-test-connection" disabled><?php esc_html_e( 'Test connection', 'artly-reminder-bridge' ); ?></button>
				<p class="artly-test" id="artly-test-result" role="status" aria-live="polite"></p>
				<p class="description"><?php esc_html_e( 'Tests the address and the key as they stand in the fields above, before you save them. With an empty key field it uses the saved key.', 'artly-reminder-bridge' ); ?></p>
				<noscript><p class="artly-hint"><?php esc_html_e( 'The test needs JavaScript, which is switched off in this browser. Saving works without it.', 'artly-reminder-bridge' ); ?></p></noscript>
			</td>
		</tr>
		<?php
	}

	/**
	 * The choice of the source, with the meta key that one of them needs.
	 */
	private static function render_source(): void {
		$chosen = Artly_Bridge_Sources::chosen();
		?>
		<tr>
			<th scope="row"><?php esc_html_e( 'Read points from', 'artly-reminder-bridge' ); ?></th>
			<td>
				<fieldset>
					<legend class="screen-reader-text"><?php esc_html_e( 'Read points from', 'artly-reminder-bridge' ); ?></legend>
					<?php foreach ( Artly_Bridge_Sources::all() as $id => $source ) : ?>
						<div class="artly-source">
							<label>
								<input type="radio" name="<?php echo esc_attr( Artly_Bridge_Settings::OPTION_SOURCE ); ?>" value="<?php echo esc_attr( $id ); ?>" <?php checked( null !== $chosen && $chosen->id() === $id ); ?>>
								<?php echo esc_html( $source->label() ); ?>
							</label>
							<?php self::render_source_note( $id, $source ); ?>
						</div>
					<?php endforeach; ?>
				</fieldset>
			</td>
		</tr>
		<?php
	}

	/**
	 * What belongs to one source: the meta key, or why it cannot be read now.
	 *
	 * @param string              $id     Its id.
	 * @param Artly_Bridge_Source $source The source.
	 */
	private static function render_source_note( string $id, Artly_Bridge_Source $source ): void {
		if ( Artly_Bridge_Source_User_Meta::ID === $id ) {
			?>
			<p class="artly-source__note">
				<label for="<?php echo esc_attr( self::ID_META_KEY ); ?>"><?php esc_html_e( 'Meta key', 'artly-reminder-bridge' ); ?></label>
				<input type="text" class="regular-text code" id="<?php echo esc_attr( self::ID_META_KEY ); ?>" name="<?php echo esc_attr( Artly_Bridge_Settings::OPTION_META_KEY ); ?>" value="<?php echo esc_attr( Artly_Bridge_Settings::meta_key() ); ?>" placeholder="points_balance" spellcheck="false">
			</p>
			<?php
		} elseif ( '' !== $source->unavailable_reason() ) {
			printf( '<p class="description artly-source__note">%s</p>', esc_html( $source->unavailable_reason() ) );
		}
	}
}
